<?php

require __DIR__ . '/verify.php';

while (($line = fgets(STDIN)) !== false) {
    [$now, $secret, $header, , , , $body] = explode("\t", rtrim($line, "\n"));
    echo verify(hex2bin($body), $header, $secret, (int) $now) ? "true\n" : "false\n";
}
