package clients

import "testing"

// TestPythonZlib: zlib's flushes, of which a partial one ends with a block that a
// decompressor for files waits behind.
func TestPythonZlib(t *testing.T) {
	in := install(t)
	if out := in.python(t, "compress.py", port(in.imaps), in.certificate()); string(out) != "done\n" {
		t.Errorf("%s", out)
	}
}
