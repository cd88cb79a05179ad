package nss

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fantail/internal/login/userdb"
)

// mostGroups is how many groups of one user are taken; the kernel could take 65536.
const mostGroups = 1024

// maxLine is the longest line of a file that is read, in octets.
const maxLine = maxAnswer

var errLine = errors.New("not a line of that database")

// parseUser reads a line of passwd(5):
//
//	name:password:uid:gid:gecos:home:shell
func parseUser(line string) (User, error) {
	f := strings.Split(line, ":")
	if len(f) != 7 {
		return User{}, errLine
	}
	uid, err := id(f[2])
	if err != nil {
		return User{}, fmt.Errorf("uid: %w", err)
	}
	gid, err := id(f[3])
	if err != nil {
		return User{}, fmt.Errorf("gid: %w", err)
	}
	u := User{Name: f[0], UID: uid, GID: gid, Home: f[5]}
	if err := userdb.CheckName(u.Name); err != nil {
		return User{}, err
	}
	if !filepath.IsAbs(u.Home) || strings.ContainsRune(u.Home, 0) {
		u.Home = ""
	}
	return u, nil
}

// group is a line of group(5).
type group struct {
	name    string
	gid     uint32
	members string // with commas between them
}

func (g group) has(user string) bool {
	return slices.Contains(strings.Split(g.members, ","), user)
}

// parseGroup reads a line of group(5):
//
//	name:password:gid:members
func parseGroup(line string) (group, error) {
	f := strings.Split(line, ":")
	if len(f) != 4 || f[0] == "" {
		return group{}, errLine
	}
	gid, err := id(f[2])
	if err != nil {
		return group{}, fmt.Errorf("gid: %w", err)
	}
	return group{f[0], gid, f[3]}, nil
}

// parseGroups reads what "getent initgroups" says: the name, white space, gids with
// white space between them. own is the one that is not returned.
func parseGroups(line, name string, own uint32) ([]uint32, error) {
	rest, ok := strings.CutPrefix(line, name)
	if !ok || rest != "" && rest[0] != ' ' {
		return nil, errLine
	}
	var gids []uint32
	for _, text := range strings.Fields(rest) {
		gid, err := id(text)
		if err != nil {
			return nil, fmt.Errorf("gid: %w", err)
		}
		if gid == own || slices.Contains(gids, gid) {
			continue
		}
		if len(gids) == mostGroups {
			return nil, fmt.Errorf("more than %d groups", mostGroups)
		}
		gids = append(gids, gid)
	}
	return gids, nil
}

// id reads a uid or gid. The highest number stands for none (setresuid(2)).
func id(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == math.MaxUint32 {
		return 0, errors.New("not a number of a user or group")
	}
	return uint32(n), nil
}

// find returns the first line of a file whose first field is name.
func find(path, name string) (found string, err error) {
	err = each(path, func(line string) bool {
		if first, _, _ := strings.Cut(line, ":"); first == name {
			found = line
		}
		return found == ""
	})
	if err == nil && found == "" {
		err = userdb.ErrUnknown
	}
	return found, err
}

// each calls do for the lines of a file while it returns true.
func each(path string, do func(line string) bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if !do(lines.Text()) {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
