package outbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// paceTime is the time in which recipients are counted.
const paceTime = time.Hour

// ErrPace says that an account has written to as many as it may for now.
var ErrPace = errors.New("too many recipients in an hour")

// spent is that a message went to so many.
type spent struct {
	At         time.Time `json:"at"`
	Recipients int       `json:"recipients"`
}

// Spend counts a message to so many recipients, or returns ErrPace if that would make more
// than most of them within an hour; 0 is no bound. What is counted is in the file
// outbox/pace: to start the program anew does not help.
func (b *Box) Spend(now time.Time, recipients, most int) error {
	if most == 0 {
		return nil
	}
	if err := b.make(); err != nil {
		return err
	}
	path := filepath.Join(b.dir, "pace")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("count recipients: %w", err)
	}
	var list []spent
	if err := json.Unmarshal(text, &list); err != nil {
		list = nil // there is none yet, or it makes no sense
	}
	list = slices.DeleteFunc(list, func(s spent) bool { return s.At.After(now) || now.Sub(s.At) >= paceTime })
	sum := recipients
	for _, s := range list {
		sum += s.Recipients
	}
	if sum > most {
		return ErrPace
	}
	if err := replaceJSON(path, append(list, spent{now, recipients})); err != nil {
		return fmt.Errorf("count recipients: %w", err)
	}
	return nil
}
