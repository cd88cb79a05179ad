package container

import (
	"bufio"
	"strings"
	"testing"
)

var minimal = Recipe{Name: "systemd", Packages: Systemd}

// TestContainer: systemd runs there, with nothing that has failed, and what the others
// use of a container works.
func TestContainer(t *testing.T) {
	c := Start(t, minimal)
	state, err := c.Shell("systemctl --failed --no-legend --plain; cat /proc/1/comm")
	if err != nil || state != "systemd\n" {
		t.Errorf("%q, %v", state, err)
	}
	if err := c.Write("/srv/a/b", "written", 0o640); err != nil {
		t.Error(err)
	}
	if got, err := c.Shell(`cat "$1"; stat -c %a "$1"`, "/srv/a/b"); err != nil || got != "written640\n" {
		t.Errorf("%q, %v", got, err)
	}
	if err := c.Copy(".", "/srv"); err != nil {
		t.Error(err)
	}
	if err := c.Run("cmp", "/srv/container.go", "/srv/root.go"); err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("two files of this package, compared: %v", err)
	}
	// A network of its own, which can be reached from here.
	unit := "[Socket]\nListenStream=127.0.0.1:143\nAccept=yes\n"
	service := "[Service]\nExecStart=/bin/cat /proc/1/comm\nStandardInput=socket\n"
	for name, text := range map[string]string{"say.socket": unit, "say@.service": service} {
		if err := c.Write("/etc/systemd/system/"+name, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Run("systemctl", "start", "say.socket"); err != nil {
		t.Fatal(err)
	}
	conn, err := c.Dial("127.0.0.1:143")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "systemd\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// TestGroups: two containers have nothing to do with each other's services.
func TestGroups(t *testing.T) {
	if own, err := newGroup("fantail-test-group"); err != nil || own == "" {
		t.Skipf("no cgroups can be made here: %v", err)
	} else if err := removeGroup(own); err != nil {
		t.Fatal(err)
	}
	groups := make(map[string]bool)
	for range 2 {
		c := Start(t, minimal)
		if err := c.Write("/etc/systemd/system/stay.service", "[Service]\nExecStart=/bin/sleep infinity\n", 0o644); err != nil {
			t.Fatal(err)
		}
		pids, err := c.Shell("systemctl start stay; cat /sys/fs/cgroup/system.slice/stay.service/cgroup.procs; systemctl show --property=MainPID --value stay")
		if f := strings.Fields(pids); err != nil || len(f) != 2 || f[0] != f[1] {
			t.Errorf("the processes of the service, and its own: %q, %v", pids, err)
		}
		groups[c.group] = true
	}
	if len(groups) != 2 {
		t.Errorf("the groups are %v", groups)
	}
}
