package text

import (
	"errors"
	"io"
	"os"

	"fantail/internal/mail"
)

// Compact writes the file anew with the texts that keep wants, in frames that are
// full, and leaves out what is damaged. keep is asked once for each text in the
// file, of which a message may have several. v stands at the end of the new file
// then. An error of pause, which is called between two frames, ends it: then the
// file is as it was.
func (w *Writer) Compact(keep func(uid mail.UID, lacks Lack) bool, pause func() error) error {
	v := w.v
	v.mu.Lock()
	defer v.mu.Unlock()
	old := &View{seed: v.seed, header: v.header, path: v.path}
	file, err := openOld(v.path, os.O_RDONLY)
	if err != nil {
		return err
	}
	if err := old.use(file); err != nil {
		return err
	}
	defer old.Close() // only read from
	b, err := NewBatch()
	if err != nil {
		return err
	}
	c := &compaction{old: old, keep: keep, pause: pause, batch: b, end: headerSize}
	defer c.frame.Close()
	if err := w.replace(v.header, c.run); err != nil {
		return err
	}
	v.off = c.end
	return nil
}

// compaction copies frames.
type compaction struct {
	old   *View
	keep  func(mail.UID, Lack) bool
	pause func() error
	frame Frame
	kept  []bool // of the frame's messages
	batch *Batch
	out   io.Writer
	end   int64 // of what was written
}

func (c *compaction) run(out io.Writer) error {
	c.out = out
	for {
		err := c.old.Next(&c.frame)
		if err == io.EOF {
			return c.flush()
		}
		if err == nil {
			err = c.pause()
		}
		if err == nil {
			err = c.take()
		}
		if err != nil {
			return err
		}
	}
}

func (c *compaction) flush() error {
	if c.batch.Len() == 0 {
		return nil
	}
	return c.write(c.batch.pack(c.old.seed))
}

func (c *compaction) write(frame []byte) error {
	c.end += int64(len(frame))
	_, err := c.out.Write(frame)
	return err
}

// take copies what is wanted of the frame.
func (c *compaction) take() error {
	f := &c.frame
	all := true
	for s := range sections {
		if err := f.load(s); errors.Is(err, ErrDamaged) {
			return nil
		} else if err != nil {
			return err
		}
		// Texts that are whole get a new signature.
		if _, err := f.piece(f.head.at(s), f.head.signed[s]); errors.Is(err, ErrDamaged) {
			all = false
		} else if err != nil {
			return err
		}
	}
	c.kept = c.kept[:0]
	for i, uid := range f.head.uids {
		k := c.keep(uid, f.head.lacks[i])
		c.kept = append(c.kept, k)
		all = all && k
	}
	if all && f.Full() {
		total := f.head.total()
		if err := f.read(int(total)); err != nil {
			return err
		}
		if int64(f.have) < total {
			return nil
		}
		return c.write(f.packed)
	}
	return c.pick()
}

// pick puts the messages that are kept into the batch.
func (c *compaction) pick() error {
	f := &c.frame
	var at [sections]uint32
	for i, uid := range f.head.uids {
		t := Text{Lacks: f.head.lacks[i]}
		for s := range sections {
			t.sections[s] = f.text[s][at[s]:f.head.ends[s][i]]
			at[s] = f.head.ends[s][i]
		}
		if !c.kept[i] {
			continue
		}
		if c.batch.Full() {
			if err := c.flush(); err != nil {
				return err
			}
		}
		c.batch.Add(uid, &t)
	}
	return nil
}
