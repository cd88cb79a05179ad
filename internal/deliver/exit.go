package deliver

// Exit statuses of sysexits. Postfix and Exim bounce a message on nearly every
// other one, even on those that name an I/O error.
const (
	OK       = 0
	Usage    = 64 // the command line is wrong
	NoUser   = 67 // there is no such account
	TempFail = 75 // keep the message and try again
)

// Code returns the exit status for the outcome of a delivery. Whatever went
// wrong in it (a full disk, a wrong permission, a damaged file) can be mended, so
// nothing is permanent.
func Code(err error) int {
	if err == nil {
		return OK
	}
	return TempFail
}
