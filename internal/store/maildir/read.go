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

// ReadHead reads octets of a message from its beginning, as many as buf has room for.
// It returns how many there were; all tells that they are the whole message.
func (d *Dir) ReadHead(e Entry, buf []byte) (n int, all bool, err error) {
	_, err = d.follow(context.Background(), e, func(e Entry) (err error) {
		n, all, err = readRegularHead(d.folder(e), e.File, buf)
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("read head of message: %w", err)
	}
	return n, all, nil
}

func readRegularHead(f *folder, name string, buf []byte) (n int, all bool, err error) {
	fd, st, err := openFD(f, name)
	if err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	want := int(min(st.Size, int64(len(buf))))
	if n, err = readFull(fd, buf[:want]); err != nil {
		return 0, false, fail("read", f, name, err)
	}
	return n, n < want || int64(n) == st.Size, nil
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
	n, err := readFull(fd, buf[from:from+int(st.Size)])
	if err != nil {
		return buf, Info{}, fail("read", f, name, err)
	}
	return buf[:from+n], infoOf(st), nil
}

// readFull fills b. It returns fewer octets only if the file ends before.
func readFull(fd int, b []byte) (n int, err error) {
	for n < len(b) {
		more := 0
		err := again(func() (err error) {
			more, err = unix.Read(fd, b[n:])
			return err
		})
		if err != nil {
			return n, err
		}
		if more == 0 {
			break // somebody has made it shorter
		}
		n += more
	}
	return n, nil
}

func infoOf(st *unix.Stat_t) Info {
	return Info{regular(st), st.Size, time.Unix(st.Mtim.Unix()), time.Unix(st.Ctim.Unix())}
}
