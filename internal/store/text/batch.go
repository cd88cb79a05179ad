package text

import (
	"fantail/internal/mail"
	"fantail/internal/store/zstd"
)

// batchSize is how much text makes a frame, in octets. Larger ones take less
// room; smaller ones are faster to look at if few of their messages matter.
const batchSize = 512 << 10

// Batch collects texts for a frame. It is not safe for use by several goroutines.
type Batch struct {
	head head
	text [sections][]byte
	sign signer
	zip  zstd.Encoder
	out  []byte
}

// NewBatch returns an empty Batch.
func NewBatch() (*Batch, error) {
	zip, err := zstd.NewEncoder(batchSize)
	if err != nil {
		return nil, err
	}
	return &Batch{zip: zip}, nil
}

// Len returns the number of messages in the batch.
func (b *Batch) Len() int { return len(b.head.uids) }

// Full reports whether it is time to write the batch.
func (b *Batch) Full() bool {
	n := 0
	for s := range b.text {
		n += len(b.text[s])
	}
	return n >= batchSize || b.Len() == maxMessages
}

// Add adds the text of a message. It reports false if the text is too much to be
// kept. A batch that was full has been written.
func (b *Batch) Add(uid mail.UID, t *Text) bool {
	var lengths [sections]int
	for s := range sections {
		if s == Body && t.Lacks > 0 {
			continue
		}
		if lengths[s] = len(t.sections[s]); lengths[s] > maxSection-batchSize {
			return false
		}
	}
	for s, n := range lengths {
		b.text[s] = append(b.text[s], t.sections[s][:n]...)
	}
	b.head.add(uid, lengths, t.Lacks)
	return true
}

// pack returns the batch as a frame, and empties it. The octets are valid until
// the next pack.
func (b *Batch) pack(seed uint32) []byte {
	// The head comes first and is made last.
	const room = maxHead
	if cap(b.out) < room {
		b.out = make([]byte, room, room+batchSize)
	}
	out := b.out[:room]
	for s := range sections {
		at := len(out)
		out = b.sign.sign(out, b.text[s])
		b.head.signed[s] = piece{len(out) - at, sum(out[at:])}
		at = len(out)
		if len(b.text[s]) > 0 {
			out = b.zip.EncodeAll(b.text[s], out)
		}
		b.head.packed[s] = piece{len(out) - at, sum(out[at:])}
		b.text[s] = b.text[s][:0]
	}
	b.out = out
	h := b.head.append(nil, seed)
	b.head.reset()
	return append(out[:room-len(h)], h...)[room-len(h) : len(out)]
}
