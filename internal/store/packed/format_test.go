package packed

import (
	"bytes"
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	for _, tt := range []struct {
		head string
		want Format
	}{
		{"", Plain},
		{"\x1f", Plain},
		{"\x1f\x8b", Gzip},
		{"Return-Path: <a@example.org>\n", Plain},
		{"BZh", Plain},
		{"BZh91AY&SY", Plain},
		{"BZh91AY&SY\x17\x72\x45\x38", Bzip2},
		{"BZh01AY&SY\x17\x72\x45\x38", Plain},
		{"BZh91AY&SYzzzz: a header field, if anybody wants one\r\n", Plain},
		{"BZh9\x17\x72\x45\x38\x50\x90", Plain}, // an empty stream: no message
		{"\x28\xb5\x2f\xfd", Zstd},
		{"(", Plain},
		{"Dovecot-LZ4\r*\x9b\xc5", LZ4},
		{"Dovecot-LZ4: a header field\r\n", Plain},
		{"\x04\x22\x4d\x18", Plain},
		{"\xfd7zXZ\x00", XZ},
		{"CRYPTED\x03\x07", Encrypted},
		{"CRYPTED: a header field\r\n", Plain},
	} {
		if got := Detect([]byte(tt.head)); got != tt.want {
			t.Errorf("%q is %s, want %s", tt.head, got, tt.want)
		}
	}
	// What is behind Head does not count.
	text := "BZh91AY&SY: " + strings.Repeat("x", Head)
	if got := Detect([]byte(text + "\x00")); got != Plain {
		t.Errorf("text is %s", got)
	}
	if got := Detect(bzip2ed(t)[:Head]); got != Bzip2 {
		t.Errorf("a bzip2 file is %s", got)
	}
}

func TestUnpackBlock(t *testing.T) {
	for _, tt := range []struct {
		name, block, want string
		limit             int
	}{
		{"literals", "\x30abc", "abc", 3},
		{"too many literals", "\x30abc", "", 2},
		{"missing literals", "\x40abc", "", 9},
		{"15 literals", "\xf0\x00" + "abcdefghijklmno", "abcdefghijklmno", 15},
		{"length without end", "\xf0\xff", "", 999},
		{"match", "\x30abc\x03\x00\x10d", "abcabcad", 8},
		{"match in itself", "\x10a\x01\x00\x10b", "aaaaab", 6},
		{"long match", "\x1fa\x01\x00\x02\x10b", "a" + strings.Repeat("a", 21) + "b", 99},
		{"match behind the limit", "\x30abc\x03\x00\x10d", "", 6},
		{"match before the beginning", "\x30abc\x04\x00\x10d", "", 9},
		{"match at no distance", "\x30abc\x00\x00\x10d", "", 9},
		{"match at the end", "\x30abc\x03\x00", "", 9},
		{"half an offset", "\x30abc\x03", "", 9},
		{"empty sequence", "\x00", "", 9},
		{"nothing", "", "", 9},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := unpackBlock(nil, []byte(tt.block), tt.limit)
			if string(got) != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func FuzzUnpackBlock(f *testing.F) {
	f.Add([]byte("\x30abc\x03\x00\x10d"))
	f.Add([]byte("\x1fa\x01\x00\x02\x10b"))
	f.Add([]byte("\xf0\x00abcdefghijklmno"))
	f.Fuzz(func(t *testing.T, block []byte) {
		const limit = 64 << 10
		out, err := unpackBlock(nil, block, limit)
		if err != nil && out != nil || len(out) > limit || err == nil && len(out) == 0 {
			t.Errorf("%d octets, %v", len(out), err)
		}
		if again, _ := unpackBlock(make([]byte, 0, limit), block, limit); !bytes.Equal(out, again) {
			t.Error("unpacks differently into a buffer")
		}
	})
}

// FuzzOpen: whatever a file holds, Open returns within its budget.
func FuzzOpen(f *testing.F) {
	for _, file := range [][]byte{
		[]byte("Subject: x\n\n"), gzipped(f, letter(500)), bzip2ed(f), zstded(f, letter(500)), zstd1(f, "x"), lz4ed(letter(500)),
		[]byte("CRYPTED\x03\x07"),
	} {
		f.Add(file, int64(500))
	}
	f.Fuzz(func(t *testing.T, file []byte, size int64) {
		o := Options{Size: size, Limit: 1 << 20}
		plain, err := openBytes(t, file, o)
		if Detect(file[:min(Head, len(file))]) == Plain {
			if plain != string(file) || err != nil {
				t.Errorf("plain file: %v", err)
			}
		} else if len(plain) > 1<<20 {
			t.Errorf("%d octets", len(plain))
		}
	})
}
