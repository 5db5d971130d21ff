package main

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// maxImage is what the image may have, in bytes, and distroless what its base has at most.
const (
	maxImage   = 40_000_000
	distroless = 3_000_000
)

// dockerfile is its text with continued lines joined.
func dockerfile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../Dockerfile")
	must(t, err)
	return strings.ReplaceAll(string(text), "\\\n", " ")
}

// buildAsImage builds the program by the Dockerfile's own command and returns its path.
func buildAsImage(t *testing.T) string {
	t.Helper()
	command := regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0 .*go build .*) -o /out/contactrelay (\S+)$`).FindStringSubmatch(dockerfile(t))
	if command == nil {
		t.Fatal("the Dockerfile has no command that builds the program")
	}
	program := filepath.Join(t.TempDir(), "contactrelay")
	build := exec.Command("sh", "-c", command[1]+` -o "$PROGRAM" `+command[2])
	build.Dir = "../.."
	build.Env = append(os.Environ(), "PROGRAM="+program, "VERSION=v1.2.3", "COMMIT=0123456789ab", "TARGETOS=linux", "TARGETARCH="+runtime.GOARCH)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

func TestTheImagesProgramIsStaticSmallStampedAndTheSameEverywhere(t *testing.T) {
	t.Parallel()
	program := buildAsImage(t)
	text, err := os.ReadFile(program)
	must(t, err)
	if len(text) > maxImage-distroless {
		t.Errorf("the program has %d bytes; with its base the image would have more than %d", len(text), maxImage)
	}
	file, err := elf.NewFile(bytes.NewReader(text))
	must(t, err)
	libraries, err := file.ImportedLibraries()
	if err != nil || len(libraries) > 0 {
		t.Errorf("the program needs the libraries %q, %v: there are none in the image", libraries, err)
	}
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program needs a dynamic loader: there is none in the image")
		}
	}
	here, err := filepath.Abs("../..")
	must(t, err)
	info, err := buildinfo.Read(bytes.NewReader(text))
	must(t, err)
	if bytes.Contains(text, []byte(here)) || !strings.Contains(info.String(), "\t-trimpath=true\n") || strings.Contains(info.String(), "vcs.") {
		t.Errorf("the program depends on where it was built:\n%s", info)
	}
	out, err := exec.Command(program, "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "contactrelay v1.2.3+0123456789ab go") {
		t.Errorf("version says %q, %v; want the version and the commit that the build was given", out, err)
	}
}

func TestTheImageRunsTheWorkerAsNobodyWithNothingElse(t *testing.T) {
	text := dockerfile(t)
	_, final, _ := strings.Cut(text, "\nFROM gcr.io/distroless/static-")
	for _, line := range []string{"USER nonroot:nonroot", `ENTRYPOINT ["/contactrelay"]`, `CMD ["run"]`, "COPY --from=build /out/contactrelay /contactrelay"} {
		if !strings.Contains(final, "\n"+line+"\n") {
			t.Errorf("the image lacks %q", line)
		}
	}
	if strings.Contains(final, "RUN") || strings.Count(final, "COPY") != 1 {
		t.Error("the image holds more than the program")
	}
	gomod, err := os.ReadFile("../../go.mod")
	must(t, err)
	language := regexp.MustCompile(`(?m)^go (\d+\.\d+)\.`).FindSubmatch(gomod)
	if !strings.Contains(text, fmt.Sprintf("\nARG GO_VERSION=%s.", language[1])) {
		t.Errorf("the image is not built with Go %s, as go.mod says", language[1])
	}
}

// TestTheImageIsBuiltOfAllThatTheProgramNeeds sees to it that .dockerignore leaves nothing out.
func TestTheImageIsBuiltOfAllThatTheProgramNeeds(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if and .Module .Module.Main}}{{.ImportPath}}{{end}}", ".").Output()
	must(t, err)
	ignored, err := os.ReadFile("../../.dockerignore")
	must(t, err)
	for path := range strings.FieldsSeq(string(out)) {
		folder, _, _ := strings.Cut(strings.TrimPrefix(path, "github.com/contactrelay/contactrelay/"), "/")
		if !strings.Contains(string(ignored), "\n!"+folder+"\n") {
			t.Errorf("the build has no folder %s", folder)
		}
	}
}
