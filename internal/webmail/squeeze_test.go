package webmail

import (
	"compress/gzip"
	"io"
	"maps"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestSqueeze(t *testing.T) {
	page := []byte(strings.Repeat("<li>a message</li>\n", 500))
	ask := func(change ...string) *request {
		r := httptest.NewRequest("GET", "/f/INBOX", nil)
		headers := maps.Clone(visit)
		headers["Accept-Encoding"] = "gzip, deflate, br"
		for i := 0; i < len(change); i += 2 {
			headers[change[i]] = change[i+1]
		}
		for k, v := range headers {
			r.Header.Set(k, v)
		}
		return &request{Request: r}
	}
	lengths := make(map[int]bool)
	for range 20 {
		small, err := squeeze(ask(), page)
		if err != nil || small == nil || len(small) > len(page)/5 {
			t.Fatalf("%d octets of %d, %v", len(small), len(page), err)
		}
		lengths[len(small)] = true
		z, err := gzip.NewReader(strings.NewReader(string(small)))
		if err != nil {
			t.Fatal(err)
		}
		if back, err := io.ReadAll(z); err != nil || string(back) != string(page) {
			t.Errorf("it does not come back: %v", err)
		}
	}
	if len(lengths) < 5 {
		t.Errorf("always as long: %v", lengths)
	}
	for name, r := range map[string]*request{
		"a browser without gzip": ask("Accept-Encoding", "br"),
		"another site's link":    ask("Sec-Fetch-Site", "cross-site"),
		"a neighbour's link":     ask("Sec-Fetch-Site", "same-site"),
		"an unknown site's":      ask("Sec-Fetch-Site", ""),
		"a script":               ask("Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"),
		"a fragment":             ask(headerFragment, "rows"),
		"a frame":                ask("Sec-Fetch-Dest", "iframe"),
	} {
		if small, err := squeeze(r, page); small != nil || err != nil {
			t.Errorf("%s is compressed, %v", name, err)
		}
	}
	if small, err := squeeze(ask(), page[:100]); small != nil || err != nil {
		t.Errorf("a short page is compressed, %v", err)
	}
}
