package people

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// maxSecret is more than any key or token file has: about 2.4 kB.
const maxSecret = 64 << 10

// readSecret reads a file that nobody else may read. What is wrong with it is a secretError, or the system's error.
func readSecret(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, secretError{"secret_no_file", "not a file"}
	case info.Size() > maxSecret:
		return nil, secretError{"secret_too_large", fmt.Sprintf("larger than %d bytes", maxSecret)}
	case exposed(info.Mode().Perm(), ownedByRoot(info)):
		return nil, secretError{"secret_readable_by_others", "readable or writable by others: chmod 600"}
	}
	return io.ReadAll(io.LimitReader(file, maxSecret))
}

// exposed reports whether others than the owner can read or write a file. Those of a mounted secret belong to root,
// who alone could write them, and may have to be readable by the group or all for the worker to read them.
func exposed(mode fs.FileMode, byRoot bool) bool {
	const others, othersWrite fs.FileMode = 0o077, 0o022
	return mode&others != 0 && (mode&othersWrite != 0 || !byRoot)
}

// fileState tells whether a file has been replaced or written. The zero value is that of a file that is not there.
type fileState struct {
	modified time.Time
	size     int64
}

func stateOf(path string) fileState {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}
	}
	return fileState{info.ModTime(), info.Size()}
}

// aliased reports whether two names are the same file.
func aliased(path, other string) bool {
	if path == other {
		return false
	}
	a, err := os.Stat(path)
	if err != nil {
		return false
	}
	b, err := os.Stat(other)
	return err == nil && os.SameFile(a, b)
}

// secretError is what is wrong with a file that holds a secret. It names neither the file nor what it holds.
type secretError struct{ reason, text string }

func (e secretError) Error() string { return e.text }

// secretText is what is wrong with a file, without its name, which can be a user's address.
func secretText(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err.Error()
	}
	return err.Error()
}

// secretFact is the fact that a file could not be used.
func secretFact(kind Kind, err error) *Error {
	fact := &Error{Kind: kind, Reason: "secret_unreadable"}
	if e, ok := errors.AsType[secretError](err); ok {
		fact.Reason = e.reason
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		fact.cause = path.Err
	}
	return fact
}

// isPrivateKey reports whether text is PEM of a private key.
func isPrivateKey(text []byte) bool {
	block, _ := pem.Decode(text)
	if block == nil {
		return false
	}
	_, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		_, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	return err == nil
}
