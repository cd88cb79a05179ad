package packed

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// letter is a message of about size octets that can be packed well.
func letter(size int) string {
	var b strings.Builder
	b.WriteString("Subject: letter\r\nFrom: a@example.org\r\n\r\n")
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the quick brown fox jumps over the lazy dog and comes home late")
	for b.Len() < size {
		for range 10 {
			b.WriteString(words[r.IntN(len(words))] + " ")
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

// noise is text that can be packed badly.
func noise(size int) string {
	r := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte('!' + r.IntN(94))
		if i%72 == 71 {
			b[i] = '\n'
		}
	}
	return strings.ReplaceAll(string(b), "\n", "\r\n")
}

func gzipped(t testing.TB, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, s)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t testing.TB, s string, o ...zstd.EOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, o...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(w, s)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// lz4ed packs without looking for matches.
func lz4ed(s string) []byte {
	b := binary.BigEndian.AppendUint32([]byte(lz4Magic), 64<<10)
	for len(s) > 0 {
		part := s[:min(len(s), 64<<10)]
		s = s[len(part):]
		block := []byte{0xf0}
		rest := len(part) - 15
		if rest < 0 {
			block = []byte{byte(len(part) << 4)}
		} else {
			for ; rest >= 255; rest -= 255 {
				block = append(block, 255)
			}
			block = append(block, byte(rest))
		}
		block = append(block, part...)
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(block))), block...)
	}
	return b
}

// bzip2ed is a file of testdata: there is no packer in Go. Its content is
// letter(10000).
func bzip2ed(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "letter.bz2"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var date = time.Unix(1e9, 0)

// openBytes opens a file with the content b, and returns the message.
func openBytes(t testing.TB, b []byte, o Options) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, date, date); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Open(f, o)
	if err != nil {
		if plain != nil {
			t.Errorf("a file and the error %v", err)
		}
		if err := f.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("left open: %v", err)
		}
		return "", err
	}
	defer plain.Close()
	if (plain == f) != (Detect(b[:min(Head, len(b))]) == Plain) {
		t.Error("plain and packed are confused")
	}
	info, err := plain.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if !info.ModTime().Equal(date) {
		t.Errorf("date %v", info.ModTime())
	}
	all, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() != int64(len(all)) {
		t.Errorf("%d octets of %d", len(all), info.Size())
	}
	return string(all), nil
}

func TestOpen(t *testing.T) {
	short, long, huge := "Subject: x\n\nbody\n", letter(10_000), letter(inMemory+100_000)
	for _, tt := range []struct {
		name string
		file []byte
		want string
	}{
		{"plain", []byte(short), short},
		{"empty", nil, ""},
		{"gzip", gzipped(t, short), short},
		{"gzip of nothing", gzipped(t, ""), ""},
		{"gzip members", append(gzipped(t, short), gzipped(t, long)...), short + long},
		{"gzip on disk", gzipped(t, huge), huge},
		{"bzip2", bzip2ed(t), long},
		{"bzip2 streams", append(bzip2ed(t), bzip2ed(t)...), long + long},
		{"zstd", zstded(t, long), long},
		{"zstd of nothing much", zstded(t, "x"), "x"},
		{"zstd with its size", zstd1(t, long), long},
		{"zstd frames", append(zstded(t, short), zstded(t, long)...), short + long},
		{"zstd on disk", zstded(t, huge), huge},
		{"zstd with the largest window", zstded(t, huge, zstd.WithWindowSize(maxWindow), zstd.WithSingleSegment(false)), huge},
		{"lz4", lz4ed(short), short},
		{"lz4 chunks", lz4ed(letter(200_000)), letter(200_000)},
		{"lz4 on disk", lz4ed(huge), huge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int64{0, int64(len(tt.want)), int64(len(tt.want)) / 2} {
				dir := t.TempDir()
				got, err := openBytes(t, tt.file, Options{Size: size, Dir: dir})
				if err != nil && !(errors.Is(err, ErrTooLarge) && int64(len(tt.want)) > size+slack) {
					t.Fatalf("size %d: %v", size, err)
				}
				if err == nil && got != tt.want {
					t.Errorf("size %d: %d octets, want %d", size, len(got), len(tt.want))
				}
				if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
					t.Errorf("left behind: %v, %v", left, err)
				}
			}
		})
	}
}

// zstd1 packs in one go, so that the frame knows its size.
func zstd1(t testing.TB, s string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll([]byte(s), nil)
}

// TestCut cuts packed files at every length: there is no half message.
func TestCut(t *testing.T) {
	text := letter(3000)
	for _, tt := range []struct {
		name string
		file []byte
		size int
	}{
		{"gzip", gzipped(t, text), 0},
		{"bzip2", bzip2ed(t), 0},
		{"zstd", zstded(t, text), 0},
		{"zstd without checksum", zstded(t, text, zstd.WithEncoderCRC(false)), 0},
		{"lz4", lz4ed(letter(70_000)), len(letter(70_000))}, // only the name tells
	} {
		t.Run(tt.name, func(t *testing.T) {
			for n := range tt.file {
				if len(tt.file) > 10_000 && n > 40 && n%997 != 0 && n < len(tt.file)-10 {
					continue
				}
				cut := tt.file[:n]
				if Detect(cut[:min(Head, n)]) == Plain {
					continue // too short to be told
				}
				if _, err := openBytes(t, cut, Options{Size: int64(tt.size)}); !errors.Is(err, ErrDamaged) {
					t.Fatalf("cut to %d of %d octets: %v", n, len(tt.file), err)
				}
			}
		})
	}
}

func TestRefused(t *testing.T) {
	zeros := strings.Repeat("\x00", 40<<20)
	flipped := gzipped(t, letter(1000))
	flipped[len(flipped)-6] ^= 1
	for _, tt := range []struct {
		name string
		file []byte
		o    Options
		want error
	}{
		{"mail-crypt", []byte("CRYPTED\x03\x07\x02..."), Options{}, ErrEncrypted},
		{"xz", []byte("\xfd7zXZ\x00..."), Options{}, ErrUnsupported},
		{"wrong checksum", flipped, Options{}, ErrDamaged},
		{"garbage behind gzip", append(gzipped(t, "x"), "garbage"...), Options{}, ErrDamaged},
		{"garbage behind zstd", append(zstded(t, "x"), "garbage"...), Options{}, ErrDamaged},
		{"garbage behind bzip2", append(bzip2ed(t), "garbage"...), Options{}, ErrDamaged},
		{"gzip, larger than its name says", gzipped(t, zeros), Options{Size: 1000}, ErrTooLarge},
		{"gzip, larger than allowed", gzipped(t, zeros), Options{Size: int64(len(zeros)), Limit: 1 << 20}, ErrTooLarge},
		{"zstd, larger than any honest file", zstded(t, zeros), Options{}, ErrTooLarge},
		{"zstd, one segment of terabytes", []byte("\x28\xb5\x2f\xfd\xe0\x00\x00\x00\x00\x00\x01\x00\x00\x01\x00\x00"), Options{}, ErrTooLarge},
		{"zstd with a dictionary", []byte("\x28\xb5\x2f\xfd\x01\x58\x07\x01\x00\x00"), Options{}, ErrDamaged},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := openBytes(t, tt.file, tt.o); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

// TestClaims lets headers claim much: what is allocated goes by what is there.
func TestClaims(t *testing.T) {
	lz4 := lz4ed("Subject: x\n\n")
	copy(lz4[len(lz4Magic)+4:], "\x00\x10\x00\x00") // a chunk of 1 MiB
	for _, file := range [][]byte{
		lz4,
		// A window of 128 MiB, and one raw block of an octet.
		[]byte("\x28\xb5\x2f\xfd\x00\x88\x09\x00\x00x"),
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err = Open(f, Options{})
		runtime.ReadMemStats(&after)
		if err == nil {
			f.Close()
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
			t.Errorf("%q: %d octets allocated, %v", file, got, err)
		}
	}
}

// TestSystemFails: what the system refuses is not the message's fault.
func TestSystemFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	_, err := openBytes(t, gzipped(t, letter(inMemory+1)), Options{Dir: dir})
	if !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrDamaged) {
		t.Errorf("no directory: %v", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := Open(r, Options{}); !errors.Is(err, unix.ESPIPE) {
		t.Errorf("a pipe: %v", err)
	}
}

func TestUnlinked(t *testing.T) {
	dir := t.TempDir()
	f, err := unlinked(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// BenchmarkOpenPlain: nearly every message is plain.
func BenchmarkOpenPlain(b *testing.B) {
	path := filepath.Join(b.TempDir(), "file")
	if err := os.WriteFile(path, []byte(letter(1000)), 0o600); err != nil {
		b.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	b.ReportAllocs()
	for b.Loop() {
		if g, err := Open(f, Options{}); err != nil || g != f {
			b.Fatal(err)
		}
	}
}
