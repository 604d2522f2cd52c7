package boltstore

import "go.etcd.io/bbolt"

// bbolt reads through a mapping of the whole file, and each page that was looked at counts as this process's memory until the kernel
// wants it back. A look at every record would so add the whole file to a gateway that is to stay under 64 MiB: 19 MB with 10,000
// sessions. The pages stay in the kernel's cache, and come back without a read when they are wanted.

// giveBackEvery is how many records a scan looks at before it gives their pages back. The kernel maps 64 KiB around each page
// that is looked at: these are 2 MiB.
const giveBackEvery = 200

// A write looks at half a dozen pages, anywhere in the file: sixteen of them are some 6 MiB.
const giveBackWrites = 16

// giveBackSometimes counts a write.
func (s *Store) giveBackSometimes() {
	if s.written.Add(1)%giveBackWrites != 0 {
		return
	}
	// It fails only on a store that is closed, which has nothing mapped.
	_ = s.db.View(func(t *bbolt.Tx) error { tx{t}.giveBack(); return nil })
}

// scanned counts a record of a scan.
func (t tx) scanned(n *int) {
	if *n++; *n%giveBackEvery == 0 {
		t.giveBack()
	}
}

// giveBack gives back the pages that were looked at. It is for transactions that are open: the mapping stays where it is for as long.
func (t tx) giveBack() {
	if size := t.Size(); size > 0 {
		dropPages(t.DB().Info().Data, uintptr(size))
	}
}
