//go:build !unix

package keys

import "io/fs"

// Where there are no Unix modes the folder's access rights must keep others out, and only one program may edit at a time.

func private(fs.FileInfo, string) error { return nil }

func lockFolder(string) (unlock func(), err error) { return func() {}, nil }

func syncFolder(string) error { return nil }
