package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// settingsError is all that is wrong with the settings of a command: nothing was started.
type settingsError struct{ error }

// settingFaults collects what is wrong with the settings, so that all of it is reported together. Kong by itself
// ends at the first.
type settingFaults struct{ errs []error }

// add notes a fault of a flag.
func (f *settingFaults) add(flag, format string, args ...any) {
	f.variable("--"+flag, format, args...)
}

// variable notes a fault of a variable of the environment that has no flag. Kong reads some values twice: the same
// fault counts once.
func (f *settingFaults) variable(name, format string, args ...any) {
	text := name + ": " + fmt.Sprintf(format, args...)
	if !slices.ContainsFunc(f.errs, func(err error) bool { return err.Error() == text }) {
		f.errs = append(f.errs, errors.New(text))
	}
}

// require notes a fault of a flag unless ok.
func (f *settingFaults) require(ok bool, flag, format string, args ...any) {
	if !ok {
		f.add(flag, format, args...)
	}
}

// join returns all faults and errs as one error, nil if there is none.
func (f *settingFaults) join(errs ...error) error {
	return errors.Join(append(f.errs, errs...)...)
}

// err returns all faults as a settingsError, nil if there is none.
func (f *settingFaults) err() error {
	if all := f.join(); all != nil {
		return settingsError{all}
	}
	return nil
}

// mapper makes kong read values with parse, and a value that cannot be read a fault instead of the end.
func (f *settingFaults) mapper(parse func(string) (any, error)) kong.MapperFunc {
	return func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto(ctx.Value.Name, &text); err != nil {
			return err
		}
		value, err := parse(text)
		if err != nil {
			f.add(ctx.Value.Name, "%v", err)
			// Kong wants a value; whatever is checked later must not find a second fault in it.
			if value, err = parse(ctx.Value.Default); err != nil {
				return nil
			}
		}
		target.Set(reflect.ValueOf(value).Convert(target.Type()))
		return nil
	}
}

// switches reads flags that are on or off, and their environment variables.
func (f *settingFaults) switches() kong.Mapper { return switchMapper{f} }

type switchMapper struct{ faults *settingFaults }

// IsBool tells kong that the flag needs no value.
func (switchMapper) IsBool() bool { return true }

func (m switchMapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		target.SetBool(true)
		return nil
	}
	text := fmt.Sprint(ctx.Scan.Pop().Value)
	on, err := strconv.ParseBool(text)
	if err != nil {
		m.faults.add(ctx.Value.Name, "%q is neither true nor false", text)
	}
	target.SetBool(on)
	return nil
}

func parseInt(text string) (any, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a whole number", text)
	}
	return n, nil
}

func parseShare(text string) (any, error) {
	share, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("%q is not a number such as 0.01", text)
	}
	return share, nil
}

func parseDuration(text string) (any, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a duration such as 500ms, 7s or 5m", text)
	}
	return d, nil
}

// byteSize is a number of bytes.
type byteSize int

// byteUnits are the suffixes of a byteSize, longest first where one ends in another.
var byteUnits = []struct {
	suffix string
	bytes  int
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}

func parseByteSize(text string) (any, error) {
	for _, unit := range byteUnits {
		number, ok := strings.CutSuffix(strings.TrimSpace(text), unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(number))
		if err != nil || n < 0 || n > (1<<62)/unit.bytes {
			break
		}
		return byteSize(n * unit.bytes), nil
	}
	return nil, fmt.Errorf("%q is not a size such as 256MiB or 5MB", text)
}
