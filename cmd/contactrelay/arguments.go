package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// parseAll parses args and notes everything in them that cannot be understood as a fault: kong by itself ends at the
// first.
func parseAll(parser *kong.Kong, args []string, faults *settingFaults) (*kong.Context, error) {
	args = slices.Clone(args)
	for {
		parsed, err := parser.Parse(args)
		if err == nil {
			return parsed, nil
		}
		rest, ok := without(args, err)
		if !ok {
			return nil, settingsError{faults.join(fmt.Errorf("%w; contactrelay --help shows what there is", err))}
		}
		faults.errs = append(faults.errs, err)
		args = rest
	}
}

// without mends args so that kong, which complained of them, finds the next fault. ok is false where that makes no
// sense: without a command nothing else can be judged. Kong tells of its faults by text alone.
func without(args []string, fault error) (rest []string, ok bool) {
	parse, ok := errors.AsType[*kong.ParseError](fault)
	if !ok || parse.Context.Selected() == nil && !strings.HasPrefix(fault.Error(), "unknown flag ") {
		return nil, false
	}
	if fault.Error() == `expected "<file>"` {
		return append(args, "-"), true
	}
	i := slices.IndexFunc(args, func(arg string) bool { return concerns(fault.Error(), arg) })
	if i < 0 {
		return nil, false
	}
	return slices.Delete(args, i, i+1), true
}

// concerns reports whether kong's text is about this argument.
func concerns(text, arg string) bool {
	name, _, _ := strings.Cut(arg, "=")
	if len(arg) > 1 && arg[0] == '-' && arg[1] != '-' {
		name = arg[:2] // -xy is -x and -y
	}
	switch {
	case strings.HasPrefix(text+",", "unknown flag "+name+","):
		return strings.HasPrefix(arg, "-")
	case strings.HasPrefix(arg, "-"):
		return strings.HasPrefix(text, arg+": ") // its value is missing
	}
	return strings.HasPrefix(text+",", "unexpected argument "+arg+",")
}
