package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"verify/webhook"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		now, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			panic(err)
		}
		body, err := hex.DecodeString(fields[6])
		if err != nil {
			panic(err)
		}
		fmt.Println(webhook.Verify(body, fields[2], fields[1], time.Unix(now, 0)))
	}
}
