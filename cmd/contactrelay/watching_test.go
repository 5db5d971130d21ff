package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// scraped is the metrics that dev shows after it has worked its feed: their labels by the whole name of the series, with
// _bucket, _sum and _count.
func scraped(t *testing.T) map[string]map[string]bool {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := free.Addr().String()
	must(t, free.Close())
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	read, out := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, []string{"dev", "--http=" + address}, terminal{in: strings.NewReader(""), out: out, err: out})
		out.Close()
	}()
	text := ""
	for shown := bufio.NewScanner(read); shown.Scan(); {
		if strings.Contains(shown.Text(), "contactrelay publish FILE") {
			answer, err := http.Get("http://" + address + "/metrics")
			must(t, err)
			all, err := io.ReadAll(answer.Body)
			must(t, err)
			answer.Body.Close()
			text = string(all)
			stop()
		}
	}
	if code := <-ended; code != 0 || text == "" {
		t.Fatalf("exit code %d, /metrics is %q", code, text)
	}
	series := map[string]map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^(contactrelay_\w+)(?:\{(.*)\})? `).FindAllStringSubmatch(text, -1) {
		if series[line[1]] == nil {
			series[line[1]] = map[string]bool{"job": true} // every series has it from where it is sent to
		}
		for _, label := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(line[2], -1) {
			series[line[1]][label[1]] = true
		}
	}
	return series
}

// dashboard is the module's, as Cloud Monitoring gets it.
type dashboard struct {
	MosaicLayout struct {
		Columns int
		Tiles   []struct {
			XPos, YPos, Width, Height int
			Widget                    struct {
				Title   string
				XYChart struct {
					DataSets []struct {
						TimeSeriesQuery struct{ PrometheusQuery string }
					}
				}
				LogsPanel struct{ Filter string }
			}
		}
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile(moduleDirectory + "/dashboard.json.tftpl")
	must(t, err)
	template, diagnostics := hclsyntax.ParseTemplate(text, "dashboard.json.tftpl", hcl.InitialPos)
	if diagnostics.HasErrors() {
		t.Fatal(diagnostics)
	}
	values := map[string]cty.Value{}
	for _, name := range []string{"name", "project", "changes", "letters"} {
		values[name] = cty.StringVal("the-" + name)
	}
	filled, diagnostics := template.Value(&hcl.EvalContext{Variables: values})
	if diagnostics.HasErrors() {
		t.Fatal(diagnostics)
	}
	must(t, json.Unmarshal([]byte(filled.AsString()), &d))
	return d
}

// queries are those of the alerts and of the dashboard, by what they are for.
func queries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for key, alert := range alerts(t) {
		all["alert "+key] = alert.GetAttr("query").AsString()
	}
	for _, tile := range readDashboard(t).MosaicLayout.Tiles {
		for i, set := range tile.Widget.XYChart.DataSets {
			all["chart "+tile.Widget.Title+strings.Repeat("'", i)] = set.TimeSeriesQuery.PrometheusQuery
		}
	}
	return all
}

func TestAlertsAndDashboardAskForMetricsThatTheProgramHas(t *testing.T) {
	t.Parallel()
	series := scraped(t)
	used := map[string]bool{}
	for what, query := range queries(t) {
		labels := map[string]bool{"le": true} // of all that the query asks for
		for _, asked := range regexp.MustCompile(`(contactrelay_\w+)\{([^}]*)\}`).FindAllStringSubmatch(query, -1) {
			used[asked[1]] = true
			if series[asked[1]] == nil {
				t.Errorf("%s asks for %s, which the program does not have after its feed", what, asked[1])
				continue
			}
			maps.Copy(labels, series[asked[1]])
			for _, label := range regexp.MustCompile(`(\w+)(?:=|!=|=~)"`).FindAllStringSubmatch(asked[2], -1) {
				if !series[asked[1]][label[1]] {
					t.Errorf("%s asks for the label %s of %s, which it does not have", what, label[1], asked[1])
				}
			}
		}
		if !strings.Contains(query, "contactrelay_") {
			continue
		}
		for _, by := range regexp.MustCompile(`by \(([^)]*)\)`).FindAllStringSubmatch(query, -1) {
			for label := range strings.SplitSeq(by[1], ", ") {
				if !labels[label] {
					t.Errorf("%s groups by %s, which none of its metrics has", what, label)
				}
			}
		}
	}
	for _, name := range []string{
		"messages_total", "people_calls_total", "people_call_seconds_bucket", "batch_contacts_sum", "message_age_seconds_bucket", "lanes",
		"held_messages", "held_bytes", "retries_total", "conflicts_total", "paused", "order_violations_total",
	} {
		if !used["contactrelay_"+name] {
			t.Errorf("neither an alert nor the dashboard shows contactrelay_%s", name)
		}
	}
}

func TestQueriesAskForTheSubscriptionsAndTheWorkerOfTheModule(t *testing.T) {
	for what, query := range queries(t) {
		for _, asked := range regexp.MustCompile(`\{([^{}]*)\}`).FindAllStringSubmatch(query, -1) {
			if !regexp.MustCompile(`\b(job|subscription_id|worker_pool_name)="[a-z-]+"`).MatchString(asked[1]) {
				t.Errorf("%s asks for {%s}: of which deployment?", what, asked[1])
			}
		}
		if open, shut := strings.Count(query, "("), strings.Count(query, ")"); open != shut || query == "" {
			t.Errorf("%s: %q cannot be read", what, query)
		}
	}
}

func TestTheDashboardsTilesLieSideBySide(t *testing.T) {
	layout := readDashboard(t).MosaicLayout
	taken := map[[2]int]string{}
	titles := []string{}
	for _, tile := range layout.Tiles {
		if tile.XPos+tile.Width > layout.Columns || tile.Width < 1 || tile.Height < 1 {
			t.Errorf("the tile %q is not on the board", tile.Widget.Title)
		}
		for x := range tile.Width {
			for y := range tile.Height {
				at := [2]int{tile.XPos + x, tile.YPos + y}
				if taken[at] != "" {
					t.Fatalf("the tile %q lies on %q", tile.Widget.Title, taken[at])
				}
				taken[at] = tile.Widget.Title
			}
		}
		if slices.Contains(titles, tile.Widget.Title) || len(tile.Widget.XYChart.DataSets) == 0 && tile.Widget.LogsPanel.Filter == "" {
			t.Errorf("the tile %q shows nothing, or is there twice", tile.Widget.Title)
		}
		titles = append(titles, tile.Widget.Title)
	}
	if len(titles) < 15 {
		t.Errorf("%d tiles", len(titles))
	}
}
