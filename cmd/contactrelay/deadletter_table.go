package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// column is a column of a table. What is longer than its width is cut.
type column struct {
	name  string
	most  int  // characters that it gets if there is room for all; 0: as many as its longest value
	right bool // aligned
	flex  bool // gives up room where there is not enough for all
}

// leastFlex is how narrow a flexible column becomes.
const leastFlex = 7

// printTable prints rows within a width.
func printTable(out io.Writer, columns []column, rows [][]string, wide int) {
	widths := make([]int, len(columns))
	total := len(columns) - 1
	for i, c := range columns {
		widths[i] = utf8.RuneCountInString(c.name)
		for _, row := range rows {
			row[i] = orNone(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		if c.most > 0 {
			widths[i] = min(widths[i], max(c.most, utf8.RuneCountInString(c.name)))
		}
		total += widths[i]
	}
	for widest := 0; total > wide && widest >= 0; total-- {
		widest = -1
		for i, c := range columns {
			if c.flex && widths[i] > leastFlex && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest >= 0 {
			widths[widest]--
		}
	}
	header := make([]string, len(columns))
	for i, c := range columns {
		header[i] = c.name
	}
	for _, row := range append([][]string{header}, rows...) {
		cells := make([]string, len(row))
		for i, text := range row {
			cells[i] = fitted(text, widths[i], columns[i].right)
		}
		fmt.Fprintln(out, strings.TrimRight(strings.Join(cells, " "), " "))
	}
}

// fitted is text in exactly so many characters.
func fitted(text string, wide int, right bool) string {
	n := utf8.RuneCountInString(text)
	switch {
	case n > wide:
		return string([]rune(text)[:wide-1]) + "…"
	case right:
		return strings.Repeat(" ", wide-n) + text
	}
	return text + strings.Repeat(" ", wide-n)
}

// wideness is how many characters fit on a line of the terminal; elsewhere the width.
func wideness(w io.Writer) int {
	if o, ok := w.(*output); ok {
		w = o.Writer
	}
	if f, ok := w.(*os.File); ok {
		if wide, _, err := term.GetSize(int(f.Fd())); err == nil && wide > 0 {
			return wide
		}
	}
	return width
}

// aged is an age in one unit.
func aged(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.Itoa(max(0, int(d.Seconds()))) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + "h"
	}
	return strconv.Itoa(int(d.Hours()/24)) + "d"
}

// counted is the contacts of a letter in one column.
func counted(contacts []string) string {
	switch len(contacts) {
	case 0:
		return ""
	case 1:
		return contacts[0]
	}
	return plural(len(contacts), "contact")
}
