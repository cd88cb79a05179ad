package index

import (
	"slices"
	"sync"
)

// vector is a slice that grows without changing for those who have an older copy
// of it. Copies share the array: the first to append behind the end of the array
// that was used takes the place, the next one gets an array of its own.
type vector[T any] struct {
	list []T
	tip  *tip
}

type tip struct {
	mu   sync.Mutex
	used int
}

func (v *vector[T]) append(e T) {
	if v.tip == nil {
		v.tip = &tip{used: len(v.list)}
	}
	v.tip.mu.Lock()
	defer v.tip.mu.Unlock()
	if v.tip.used != len(v.list) {
		v.tip = &tip{used: len(v.list) + 1} // nobody else knows it yet
		v.list = append(slices.Clip(v.list), e)
		return
	}
	v.list = append(v.list, e)
	v.tip.used++
}
