//go:build !linux

package boltstore

func dropPages(_, _ uintptr) {}
