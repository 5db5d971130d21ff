package main

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

// The picture's measures, in its own units.
const (
	pictureWidth = 860
	labelWidth   = 320
	valueWidth   = 70
	barHeight    = 12
	barGap       = 3
	groupGap     = 16
	headHeight   = 76
	footHeight   = 44
)

// style is the picture's colours, in light and in dark. The background is drawn: where the picture stands, the page may be
// of another mind than the reader's system.
const style = `
  text { font: 13px -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .quiet { fill: #59636e; font-size: 12px }
  .paper { fill: #ffffff }
  .grid { stroke: #d1d9e0 }
  .b0 { fill: #0969da } .b1 { fill: #8250df } .b2 { fill: #9a6700 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .quiet { fill: #9198a1 }
    .paper { fill: #0d1117 }
    .grid { stroke: #3d444d }
    .b0 { fill: #58a6ff } .b1 { fill: #bc8cff } .b2 { fill: #d29922 }
  }
`

// contenders are all, in the order of their bars.
var contenders = []contender{ours, single, usual}

// picture shows the messages a second of all contenders, on a logarithmic scale, for each workload that all of them ran
// and whose name is one word: the others are variants.
func (r *results) picture() string {
	groups := r.groups()
	top := 1.0
	for _, g := range groups {
		for _, f := range g {
			top = max(top, f.Rate)
		}
	}
	scale := newLogScale(top)
	height := headHeight + footHeight + len(groups)*groupHeight()
	var b strings.Builder
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Messages a second by workload and worker\">\n", pictureWidth, height)
	fmt.Fprintf(&b, "<style>%s</style>\n<rect class=\"paper\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", style, pictureWidth, height)
	writeText(&b, 16, 28, "title", "", "Messages a second (each line is ten times the one before)")
	for i, c := range contenders {
		x := 16 + i*190
		fmt.Fprintf(&b, "<rect class=\"b%d\" x=\"%d\" y=\"44\" width=\"12\" height=\"12\" rx=\"2\"/>\n", i, x)
		writeText(&b, x+18, 55, "", "", string(c))
	}
	for power := 0; power <= scale.powers; power++ {
		x := scale.at(math.Pow10(power))
		fmt.Fprintf(&b, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n", x, x, headHeight-8, height-footHeight)
		writeText(&b, int(x), height-footHeight+16, "quiet", "middle", thousands(int(math.Pow10(power))))
	}
	for i, g := range groups {
		writeGroup(&b, headHeight+i*groupHeight(), g, scale)
	}
	writeText(&b, 16, height-10, "quiet", "", fmt.Sprintf("%s; contactrelay %s; %s", r.Machine, r.Version, r.Date))
	b.WriteString("</svg>\n")
	return b.String()
}

func groupHeight() int { return len(contenders)*(barHeight+barGap) + groupGap }

// groups is the figures of all contenders by workload.
func (r *results) groups() (groups [][]*figures) {
	for _, f := range r.Figures {
		if f.Contender != ours || strings.Contains(f.Workload, "-") {
			continue
		}
		var group []*figures
		for _, c := range contenders {
			if of := r.of(f.Workload, c); of != nil {
				group = append(group, of)
			}
		}
		if len(group) == len(contenders) {
			groups = append(groups, group)
		}
	}
	return groups
}

// writeGroup draws the bars of a workload.
func writeGroup(b *strings.Builder, y int, group []*figures, scale logScale) {
	writeText(b, labelWidth-12, y+len(group)*(barHeight+barGap)/2+4, "", "end", group[0].Title)
	for i, f := range group {
		end := scale.at(f.Rate)
		fmt.Fprintf(b, "<rect class=\"b%d\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>\n", i, labelWidth, y, end-labelWidth, barHeight)
		text := number(f.Rate)
		if n := f.Verdict.FalseLetters; n > 0 {
			text += fmt.Sprintf("  (%s false letters)", thousands(n))
		}
		writeText(b, int(end)+5, y+barHeight-2, "quiet", "", text)
		y += barHeight + barGap
	}
}

// writeText writes a text at a place; anchor is where the place is in it: start, middle or end.
func writeText(b *strings.Builder, x, y int, class, anchor, text string) {
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\"", x, y)
	if class != "" {
		fmt.Fprintf(b, " class=%q", class)
	}
	if anchor != "" {
		fmt.Fprintf(b, " text-anchor=%q", anchor)
	}
	b.WriteString(">")
	_ = xml.EscapeText(b, []byte(text)) // a builder takes everything
	b.WriteString("</text>\n")
}

// logScale gives each power of ten the same room, from 1 on.
type logScale struct {
	powers int
	width  float64 // of one
}

func newLogScale(top float64) logScale {
	powers := max(1, int(math.Ceil(math.Log10(top))))
	return logScale{powers, (pictureWidth - labelWidth - valueWidth) / float64(powers)}
}

// at is where a figure is; what is under 1 has no bar.
func (s logScale) at(x float64) float64 { return labelWidth + s.width*math.Log10(max(1, x)) }
