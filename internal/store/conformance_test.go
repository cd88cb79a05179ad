package store_test

import (
	"testing"

	"fantail/internal/store"
	"fantail/internal/store/maildir"
	"fantail/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	for _, l := range []struct {
		name   string
		layout maildir.Layout
	}{{"PlusPlus", maildir.PlusPlus}, {"FS", maildir.FS}} {
		t.Run(l.name, func(t *testing.T) {
			storetest.Run(t, func(t testing.TB, dir string) *store.Account {
				a, err := store.OpenAccount(dir, store.Options{Host: "test", Layout: l.layout})
				if err != nil {
					t.Fatal(err)
				}
				return a
			})
		})
	}
}
