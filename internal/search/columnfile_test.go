package search

import (
	"bytes"
	"fmt"
	"testing"

	"fantail/internal/mail"
)

// someColumns has n rows, with links or not.
func someColumns(n int, linked bool) *columns {
	c := newColumns(7)
	for k := range n {
		subject := fmt.Appendf(nil, "subject %d", k/3)
		if k%5 == 0 {
			subject = nil
		}
		c.append(mail.UID(3*k+1), &loaded{gone: k%11 == 0, reply: k%2 == 0, sent: int64(k) - 5, subject: digestOf(subject), text: subject})
		if !linked {
			continue
		}
		c.rows.id = append(c.rows.id, c.ids.number(digestOf(fmt.Append(nil, k))))
		for ref := range k % 4 {
			c.rows.refs = append(c.rows.refs, c.ids.number(digestOf(fmt.Append(nil, ref, k/7))))
		}
		c.rows.refEnd = append(c.rows.refEnd, int32(len(c.rows.refs)))
		c.rows.ids = int32(len(c.ids.digests))
	}
	return c
}

// TestColumnFile: what was written is what is read, and what is added to it gets the
// same numbers as without the file.
func TestColumnFile(t *testing.T) {
	for _, n := range []int{0, 1, 2, 50, 3000} {
		for _, linked := range []bool{false, true} {
			c := someColumns(n, linked)
			b := c.encode()
			d := parseColumns(b, 7)
			if d == nil {
				t.Fatalf("%d rows: not read", n)
			}
			if d.written != n || linked && d.writtenLinks != n || !bytes.Equal(d.encode(), b) {
				t.Errorf("%d rows: others are read", n)
			}
			d.numberSubjects()
			for _, text := range []string{"subject 0", "new", "", "subject 16", "new"} {
				x := digestOf([]byte(text))
				if got, want := d.subjects.number(x), c.subjects.number(x); got != want {
					t.Errorf("%d rows: number %d of %q, want %d", n, got, text, want)
				}
				if got, want := d.ids.number(x), c.ids.number(x); got != want {
					t.Errorf("%d rows: number %d of the ID %q, want %d", n, got, text, want)
				}
			}
			if parseColumns(b, 8) != nil {
				t.Error("read for another UIDVALIDITY")
			}
		}
	}
}

// TestColumnFileDamaged: no octet can be changed or missing.
func TestColumnFileDamaged(t *testing.T) {
	b := someColumns(20, true).encode()
	for n := range b {
		if parseColumns(b[:n], 7) != nil {
			t.Errorf("read with %d of %d octets", n, len(b))
		}
		b[n] ^= 1
		if parseColumns(b, 7) != nil {
			t.Errorf("read with octet %d changed", n)
		}
		b[n] ^= 1
	}
	if parseColumns(append(b, 0), 7) != nil {
		t.Error("read with an octet more")
	}
}

// FuzzColumnFile: whatever is in a file whose checksum is right, its numbers can be
// used.
func FuzzColumnFile(f *testing.F) {
	for _, n := range []int{0, 1, 5} {
		b := someColumns(n, n > 1).encode()
		f.Add(b[:len(b)-4])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := parseColumns(le.AppendUint32(b[:len(b):len(b)], columnsSum(b)), 7)
		if c == nil {
			return
		}
		r := &c.rows
		for k, uid := range r.uids {
			if uid == 0 || k > 0 && uid <= r.uids[k-1] {
				t.Fatalf("row %d has UID %d", k, uid)
			}
			_ = r.texts[r.subject[k]]
		}
		th := threader{ids: r.ids, subjects: r.texts}
		for k := range r.id {
			th.mail = append(th.mail, threadable{message: int32(k), subject: r.subject[k], id: r.id[k], refs: r.refsOf(int32(k))})
		}
		th.threads(References)
		c.numberSubjects()
		c.append(mail.UID(1<<32-1), &loaded{text: []byte("x"), subject: digestOf([]byte("x"))})
		_ = r.texts[r.subject[len(r.subject)-1]]
		if again := parseColumns(c.encode(), 7); again == nil && (len(r.uids) < 2 || r.uids[len(r.uids)-2] < 1<<32-1) {
			t.Fatal("not read again")
		}
	})
}
