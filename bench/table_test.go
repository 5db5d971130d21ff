package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sample is results of two workloads.
func sample() *results {
	r := &results{Machine: "a <machine> & more", Go: "go1.26", Version: "v1", Date: "2026-11-22", StartMillis: 90, BinaryBytes: 30e6}
	for _, w := range []string{"hot", "cost-lone"} {
		for i, c := range contenders {
			r.Figures = append(r.Figures, &figures{
				Workload: w, Title: "one & only " + w, Contender: c, Messages: 5000, Settled: 5000, Seconds: 2.5,
				Rate: 2000 / float64(1+199*i), Calls: 0.0052, CPUMicros: 50 * float64(1+i), PeakBytes: 50e6, P50: 1400, P99: 61234.5,
			})
		}
	}
	r.of("hot", usual).Verdict = verdict{FalseLetters: 1200}
	r.Weights = []weight{{What: "patches", Body: 300, Bytes: 2300}}
	return r
}

func TestNumbersHaveThreeDigitsThatCount(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", 0.00521: "0.0052", 0.2: "0.20", 1.005: "1.00", 12.34: "12.3", 99.96: "100.0", 123.6: "124", 1234567: "1,234,567",
	} {
		if got := number(x); got != want {
			t.Errorf("number(%v) = %q, want %q", x, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q, want %q", n, got, want)
		}
	}
	for ms, want := range map[float64]string{0: "not reached", 1400.4: "1.4s", 61234.5: "1m1.2s"} {
		if got := wait(ms); got != want {
			t.Errorf("wait(%v) = %q, want %q", ms, got, want)
		}
	}
}

func TestAnAimIsReachedOrMissedByItsLimit(t *testing.T) {
	for _, a := range []aim{least("x", 150, 150, ""), most("x", 1.1, 1.1, "")} {
		if !a.reached {
			t.Errorf("%+v is missed at its limit", a)
		}
	}
	for _, a := range []aim{least("x", 149.9, 150, ""), most("x", 1.11, 1.1, "")} {
		if a.reached {
			t.Errorf("%+v is reached", a)
		}
	}
	r := sample()
	want := map[string]bool{
		"one user, 100 ms a call: times the usual worker's messages a second": true, // 2,000 against 5.01
		"one user: part of 200 messages a latency":                            true, // 2,000 of 2,000
		"one user: messages a call":                                           true, // 192
		"CPU a message, times the usual worker's: lone changes":               true, // 50 against 150
		"heap of a message that waits, beside its body: patches":              true, // 2,000 bytes
		"start to first call":                                                 true, "program": true,
		"lost, doubled, out of order, falsely dead-lettered, in all runs": true, // the peer's do not count
	}
	got := r.aims()
	for _, a := range got {
		if reached, known := want[a.what]; !known || reached != a.reached {
			t.Errorf("aim %q: reached %v (%s), want %v", a.what, a.reached, a.got, reached)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d aims, want %d", len(got), len(want))
	}
	r.of("hot", single).Verdict.Doubled = 1
	all := r.aims()
	if last := all[len(all)-1]; last.reached {
		t.Error("a doubled write is no miss")
	}
}

func TestTablesHaveOneWidth(t *testing.T) {
	r := sample()
	for _, table := range []string{r.fullTable(), r.shortTable(), r.restTable(), aimTable(r.aims())} {
		lines := strings.Split(strings.TrimSpace(table), "\n")
		if len(lines) < 3 {
			t.Errorf("no rows:\n%s", table)
		}
		for _, line := range lines {
			if strings.Count(line, "|") != strings.Count(lines[0], "|") {
				t.Errorf("a row of another width:\n%s", table)
			}
		}
	}
	if !strings.Contains(r.fullTable(), "| usual worker | 5.01 |") || !strings.Contains(r.shortTable(), "| 0 (1,200) |") {
		t.Errorf("figures are missing:\n%s%s", r.fullTable(), r.shortTable())
	}
}

func TestThePictureIsWellFormedAndHasABarForEachFigure(t *testing.T) {
	picture := sample().picture()
	bars, texts := 0, 0
	for d := xml.NewDecoder(strings.NewReader(picture)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, picture)
		}
		if e, ok := token.(xml.StartElement); ok {
			switch e.Name.Local {
			case "rect":
				bars++
			case "text":
				texts++
			}
		}
	}
	if want := 1 + len(contenders) + len(contenders); bars != want {
		t.Errorf("%d rectangles, want the paper, the legend and the three bars of hot: %d", bars, want)
	}
	if texts == 0 || !strings.Contains(picture, "&lt;machine&gt;") || !strings.Contains(picture, "1,200 false letters") {
		t.Errorf("texts are missing or not escaped:\n%s", picture)
	}
}

func TestOnABarsScaleATenfoldIsAlwaysAsWide(t *testing.T) {
	s := newLogScale(5000)
	if a, b := s.at(100)-s.at(10), s.at(1000)-s.at(100); a-b > 0.001 || b-a > 0.001 || a <= 0 {
		t.Errorf("10 to 100 takes %v, 100 to 1,000 %v", a, b)
	}
	if s.at(5000) > pictureWidth-valueWidth || s.at(0) != labelWidth {
		t.Errorf("5,000 is at %v, 0 at %v", s.at(5000), s.at(0))
	}
}

func TestTheReadmeGetsTheNewFiguresAndKeepsTheRest(t *testing.T) {
	name := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(name, []byte("before\n"+markBegin+"\nold\n"+markEnd+"\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := sample().intoReadme(name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got, "before\n"+markBegin) || !strings.HasSuffix(got, markEnd+"\nafter\n") || strings.Contains(got, "old") || !strings.Contains(got, "| one & only hot |") {
		t.Errorf("the README is now\n%s", got)
	}
	if err := os.WriteFile(name, []byte("no marks"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sample().intoReadme(name); err == nil {
		t.Error("a README without marks was accepted")
	}
}

func TestResultsAreReadAsTheyWereKept(t *testing.T) {
	name := filepath.Join(t.TempDir(), "results.json")
	if err := save(name, sample().json); err != nil {
		t.Fatal(err)
	}
	got, err := readResults(name)
	if err != nil {
		t.Fatal(err)
	}
	if got.report() != sample().report() {
		t.Errorf("read back:\n%s", got.report())
	}
}

func TestWorkloadsAreChosenByNameAndPattern(t *testing.T) {
	for names, want := range map[string]int{"hot": 1, "hot-*": 3, "hot,users": 2, "": len(workloads())} {
		if got, err := choose(names); err != nil || len(got) != want {
			t.Errorf("choose(%q) = %d workloads, %v; want %d", names, len(got), err, want)
		}
	}
	for _, names := range []string{"cold", "hot,", "[", "hot,cold"} {
		if _, err := choose(names); err == nil {
			t.Errorf("choose(%q) found something", names)
		}
	}
}
