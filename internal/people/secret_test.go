package people

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestASecretThatOthersCanReadIsRefused(t *testing.T) {
	for mode, want := range map[fs.FileMode]struct{ ours, root bool }{
		0o600: {true, true}, 0o400: {true, true},
		0o640: {false, true}, 0o604: {false, true}, 0o644: {false, true}, 0o444: {false, true}, // as secrets are mounted
		0o620: {false, false}, 0o660: {false, false}, 0o646: {false, false}, 0o666: {false, false}, 0o777: {false, false},
	} {
		if exposed(mode, false) == want.ours || exposed(mode, true) == want.root {
			t.Errorf("mode %o: exposed %v, as root's %v; want taken %+v", mode, exposed(mode, false), exposed(mode, true), want)
		}
	}
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readSecret(path); err != nil {
		t.Errorf("mode 600: %v", err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := readSecret(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("mode 666: got %v, want a word of chmod 600", err)
	}
}

func TestWhatIsNoSecretFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, maxSecret+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, large, filepath.Join(dir, "none")} {
		if _, err := readSecret(path); err == nil {
			t.Errorf("%s is taken", path)
		}
	}
	if _, err := readSecret(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that it does not exist", err)
	}
}

func TestTheStateOfAFileChangesWithIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	states := []fileState{stateOf(path)}
	for _, text := range []string{"a", "ab"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		states = append(states, stateOf(path))
	}
	if states[0] != (fileState{}) || states[1] == states[0] || states[2] == states[1] || states[2] != stateOf(path) {
		t.Errorf("states %v", states)
	}
}
