import sys

from verify import verify

for line in sys.stdin:
    now, secret, header, *_, body = line.rstrip("\n").split("\t")
    print(str(verify(bytes.fromhex(body), header, secret, float(now))).lower())
