package maildir

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// ErrLong says that a message is longer than its reader wants to hold.
var ErrLong = errors.New("message is too long to be held in memory")

// ReadMessage appends all octets of a message to buf, and tells about its file: as
// OpenMessage and a read, with a third of the system calls. The error is ErrLong if
// there are more than most.
func (d *Dir) ReadMessage(e Entry, buf []byte, most int64) ([]byte, Info, error) {
	var info Info
	_, err := d.follow(context.Background(), e, func(e Entry) (err error) {
		buf, info, err = readRegular(d.folder(e), e.File, buf, most)
		return err
	})
	if err != nil {
		return buf, Info{}, fmt.Errorf("read message: %w", err)
	}
	return buf, info, nil
}

func readRegular(f *folder, name string, buf []byte, most int64) (_ []byte, _ Info, err error) {
	fd, st, err := openFD(f, name)
	if err != nil {
		return buf, Info{}, err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	if st.Size > most {
		return buf, Info{}, fail("read", f, name, ErrLong)
	}
	from := len(buf)
	buf = slices.Grow(buf, int(st.Size))
	for len(buf)-from < int(st.Size) {
		var n int
		err := again(func() (err error) {
			n, err = unix.Read(fd, buf[len(buf):from+int(st.Size)])
			return err
		})
		if err != nil {
			return buf, Info{}, fail("read", f, name, err)
		}
		if n == 0 {
			break // somebody has made it shorter
		}
		buf = buf[:len(buf)+n]
	}
	return buf, infoOf(st), nil
}

func infoOf(st *unix.Stat_t) Info {
	return Info{regular(st), st.Size, time.Unix(st.Mtim.Unix()), time.Unix(st.Ctim.Unix())}
}
