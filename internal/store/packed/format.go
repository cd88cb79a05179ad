package packed

import "bytes"

// Format is how a file is packed.
type Format uint8

// The formats that Detect tells apart.
const (
	Plain Format = iota // not packed
	Gzip
	Bzip2
	Zstd
	LZ4
	XZ        // written by Dovecot before 2.4; not read here
	Encrypted // by Dovecot's mail-crypt; not readable without its keys
)

func (f Format) String() string {
	return [...]string{"plain", "gzip", "bzip2", "zstd", "lz4", "xz", "mail-crypt"}[f]
}

// Head is how many octets Detect wants to see of a file that has as many.
const Head = 64

var magics = []struct {
	octets string
	format Format
}{
	{"\x1f\x8b", Gzip},
	{"\x28\xb5\x2f\xfd", Zstd},
	{lz4Magic, LZ4},
	{"\xfd7zXZ\x00", XZ},
	{"CRYPTED\x03\x07", Encrypted},
}

// Detect tells from the first Head octets of a file, or from all of a smaller
// one, how it is packed.
func Detect(head []byte) Format {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.octets)) {
			return m.format
		}
	}
	if isBzip2(head) {
		return Bzip2
	}
	return Plain
}

// isBzip2 looks for the file magic with the block size, the magic of the first
// block, and behind them something that is no text: its checksum, its origin and
// its tables of symbols are bits. The smallest file has 37 octets.
func isBzip2(head []byte) bool {
	const file, block = "BZh", "1AY&SY"
	if len(head) < len(file)+1+len(block) || string(head[:3]) != file || head[3] < '1' || head[3] > '9' ||
		string(head[4:10]) != block {
		return false
	}
	for _, c := range head[10:min(Head, len(head))] {
		if c >= 0x7f || c < ' ' && c != '\t' && c != '\r' && c != '\n' {
			return true
		}
	}
	return false
}
