package parcel

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"fantail/internal/deliver/lmtp"
)

var samples = []*Parcel{
	{Sender: "a@b", Top: "Received: x\n", Size: 1 << 40, Recipients: []Recipient{{"ann", "ann+x@example.org", "x"}, {"bob", "bob", ""}}},
	{Recipients: []Recipient{{}}},
	{Size: 5, Question: true, Recipients: []Recipient{{"ann", "ann@example.org", ""}}},
}

func TestParcel(t *testing.T) {
	for _, want := range samples {
		b, err := want.Append([]byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		b = b[len("before"):]
		in := iotest.OneByteReader(strings.NewReader(string(b) + "behind"))
		got, err := Read(in)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if rest, err := io.ReadAll(in); string(rest) != "behind" || err != nil {
			t.Errorf("%q, %v", rest, err)
		}
		for cut := range b {
			if p, err := Read(bytes.NewReader(b[:cut])); err == nil || (cut == 0) != (err == io.EOF) {
				t.Errorf("cut off after %d octets: %+v, %v", cut, p, err)
			}
		}
	}
	if _, err := Read(strings.NewReader("\xff\xff\xff\xff")); !errors.Is(err, ErrRecord) {
		t.Error(err)
	}
	if _, err := (&Parcel{Recipients: make([]Recipient, MostRecipients+1)}).Append(nil); !errors.Is(err, ErrRecord) {
		t.Error(err)
	}
	if _, err := (&Parcel{Top: strings.Repeat("x", MaxRecord)}).Append(nil); !errors.Is(err, ErrRecord) {
		t.Error(err)
	}
}

func TestReceipt(t *testing.T) {
	want := &Receipt{Outcomes: []Outcome{
		{lmtp.Reply{Code: 250, Status: lmtp.Status{Class: 2, Subject: 1, Detail: 5}, Text: "It is kept."}, "INBOX"},
		{Reply: lmtp.Reply{Code: 451, Status: lmtp.Status{Class: 4, Subject: 3}}},
	}}
	b, err := want.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadReceipt(bytes.NewReader(b), samples[0])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := ReadReceipt(bytes.NewReader(b), samples[1]); !errors.Is(err, ErrRecord) {
		t.Errorf("replies for others: %v", err)
	}
	for _, code := range []int{0, 199, 354, 600} {
		b, err := (&Receipt{Outcomes: []Outcome{{Reply: lmtp.Reply{Code: code}}}}).Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadReceipt(bytes.NewReader(b), samples[1]); !errors.Is(err, ErrRecord) {
			t.Errorf("%d: %v", code, err)
		}
	}
}

// FuzzRead: what is read is what would have been written.
func FuzzRead(f *testing.F) {
	for _, p := range samples {
		b, err := p.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.NewReader(b)
		p, err := Read(in)
		if err != nil {
			return
		}
		again, err := p.Append(nil)
		if err != nil || !bytes.Equal(again, b[:len(b)-in.Len()]) {
			t.Errorf("%q was read as %+v, which is written as %q, %v", b, p, again, err)
		}
	})
}
