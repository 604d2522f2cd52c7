package boltstore

import "syscall"

// dropPages takes pages of a shared, read-only mapping of a file out of this process's memory (madvise(2), MADV_DONTNEED: the next
// access finds what the file holds then). Where the kernel refuses, nothing is lost.
func dropPages(at, size uintptr) {
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, at, size, syscall.MADV_DONTNEED)
}
