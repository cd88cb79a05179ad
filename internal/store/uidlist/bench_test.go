package uidlist

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// bigList is the text of a list of 100,000 messages, 7 MB.
func bigList() string {
	var b strings.Builder
	b.WriteString("3 V1700000000 N100001 G" + guid + "\n")
	for i := range 100000 {
		fmt.Fprintf(&b, "%d :%d.M%06dP4711Q%dR%08x.mail.example.org,S=%d,W=%d\n", i+1, 1700000000+i, i*7%1000000, i, i*2654435761%(1<<32), 2000+i%9000, 2100+i%9000)
	}
	return b.String()
}

func benchFile(b *testing.B) *File {
	f := Open(b.TempDir())
	if err := os.WriteFile(f.Path(), []byte(bigList()), 0o600); err != nil {
		b.Fatal(err)
	}
	f.now = func() time.Time { return time.Unix(1<<33, 0) }
	return f
}

func BenchmarkLoad(b *testing.B) {
	f := benchFile(b)
	b.ReportAllocs()
	for b.Loop() {
		f.at = position{}
		if l, err := f.Load(); err != nil || len(l.Records) != 100000 {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnchanged(b *testing.B) {
	f := benchFile(b)
	if _, err := f.Load(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Load(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTail(b *testing.B) {
	f := benchFile(b)
	if _, err := f.Load(); err != nil {
		b.Fatal(err)
	}
	h, err := os.OpenFile(f.Path(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	uid := 200000
	b.ReportAllocs()
	for b.Loop() {
		uid++
		fmt.Fprintf(h, "%d :1700000000.M1P1Q%d.mail.example.org,S=1,W=1\n", uid, uid)
		if l, err := f.Load(); err != nil || int(l.Next) != uid+1 {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	f := benchFile(b)
	if _, err := f.Load(); err != nil {
		b.Fatal(err)
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		if _, err := f.Append([]string{fmt.Sprintf("1700000000.M1P1Q%d.mail.example.org,S=1,W=1", i)}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompact(b *testing.B) {
	f := benchFile(b)
	text := []byte(bigList())
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		if err := os.WriteFile(f.Path(), text, 0o600); err != nil {
			b.Fatal(err)
		}
		f.at = position{}
		n := 0
		b.StartTimer()
		if err := f.Compact(func(string) bool { n++; return n%2 == 0 }); err != nil {
			b.Fatal(err)
		}
	}
}
