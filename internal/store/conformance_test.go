package store_test

import (
	"testing"

	"fantail/internal/store"
	"fantail/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t testing.TB, dir string) *store.Account {
		a, err := store.OpenAccount(dir, store.Options{Host: "test"})
		if err != nil {
			t.Fatal(err)
		}
		return a
	})
}
