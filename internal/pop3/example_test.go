package pop3_test

import (
	"fmt"

	"fantail/internal/pop3"
)

func ExampleParseCommand() {
	cmd, err := pop3.ParseCommand([]byte("top 7 10"))
	if err != nil {
		fmt.Println(err)
		return
	}
	msg, lines := cmd.Args.Number(), cmd.Args.Number()
	fmt.Println(cmd.Keyword, msg, lines, cmd.Args.End())
	// Output: TOP 7 10 <nil>
}

func ExampleAppendErr() {
	fmt.Printf("%q\n", pop3.AppendErr(nil, pop3.AuthFailed, "Wrong name or password."))
	// Output: "-ERR [AUTH] Wrong name or password.\r\n"
}
