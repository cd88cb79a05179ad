package wire

import (
	"errors"
	"fmt"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/handover"
)

// passage is that of a message which has one; nil if it is of another kind.
func passage(m Message) *handover.Passage {
	switch m := m.(type) {
	case *Start:
		return &m.Passage
	case *Together:
		return &m.Passage
	}
	return nil
}

// Attached are the descriptors that go with a message.
func Attached(m Message) fdpass.Descriptors {
	if p := passage(m); p != nil {
		return p.Files
	}
	return nil
}

// ParseWith is Parse of a message that came with descriptors, which are its own then.
// After an error they are closed.
func ParseWith(b []byte, fds fdpass.Descriptors) (id uint32, m Message, err error) {
	id, m, err = Parse(b)
	if err == nil {
		err = attach(m, fds)
	}
	if err != nil {
		return 0, nil, errors.Join(err, fds.Close())
	}
	return id, m, nil
}

// attach gives a message its descriptors. The error is that they are too many or too few.
func attach(m Message, fds fdpass.Descriptors) error {
	p := passage(m)
	switch {
	case p != nil:
		p.Files = fds
		return p.Check()
	case fds != nil:
		return fmt.Errorf("%w: %T with a descriptor", ErrMessage, m)
	}
	return nil
}
