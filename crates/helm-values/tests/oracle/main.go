// oracle computes Helm's answers: it reads cases as JSON lines from stdin and
// writes an answer for each to stdout. The Rust tests (tests/helm) compare their
// own answers with these.
//
//	oracle                 answer cases from stdin
//	oracle -record FILE…   write the answers into files of recorded cases
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strconv"

	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/cli/values"
	"helm.sh/helm/v4/pkg/getter"
)

// Case is the input of a user, and the operation on it.
type Case struct {
	// "merge": files, then sets. "coalesce": user over defaults.
	Do       string         `json:"do"`
	Files    []string       `json:"files,omitempty"`
	Sets     []Set          `json:"sets,omitempty"`
	Defaults map[string]any `json:"defaults,omitempty"`
	User     map[string]any `json:"user,omitempty"`
}

// Set is one `--set…` argument.
type Set struct {
	// "set", "string", "file" or "json".
	Kind string `json:"kind"`
	Text string `json:"text"`
	// Of "file": the texts of the files by their names.
	Files map[string]string `json:"files,omitempty"`
}

// Answer is Helm's answer: values or an error.
type Answer struct {
	Tree  json.RawMessage `json:"tree,omitempty"`
	Error string          `json:"error,omitempty"`
}

func main() {
	log.SetOutput(io.Discard)
	directory, err := os.MkdirTemp("", "oracle")
	must(err)
	defer os.RemoveAll(directory)
	workingDir, err := os.Getwd()
	must(err)
	must(os.Chdir(directory))
	if len(os.Args) > 2 && os.Args[1] == "-record" {
		for _, name := range os.Args[2:] {
			if !filepath.IsAbs(name) {
				name = filepath.Join(workingDir, name)
			}
			record(name)
		}
		return
	}
	lines := lines(os.Stdin)
	// A file named `-` must not consume the cases.
	os.Stdin, err = os.Open(os.DevNull)
	must(err)
	out := bufio.NewWriter(os.Stdout)
	for lines.Scan() {
		var request Case
		must(decode(lines.Bytes(), &request))
		write(out, answer(request))
	}
	must(lines.Err())
	must(out.Flush())
}

func lines(in io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	return lines
}

func decode(line []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	return decoder.Decode(into)
}

func write(out io.Writer, what any) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	must(encoder.Encode(what))
}

// record replaces the answers in a file of recorded cases.
func record(name string) {
	text, err := os.ReadFile(name)
	must(err)
	var out bytes.Buffer
	lines := lines(bytes.NewReader(text))
	for lines.Scan() {
		var recorded struct {
			// The purpose of the case.
			Rule string `json:"rule,omitempty"`
			Case
			// The deliberate difference.
			Differs string `json:"differs,omitempty"`
			Helm    Answer `json:"helm"`
		}
		if err := decode(lines.Bytes(), &recorded); err != nil {
			must(fmt.Errorf("%s: %w", lines.Text(), err))
		}
		recorded.Helm = answer(recorded.Case)
		write(&out, recorded)
	}
	must(lines.Err())
	must(os.WriteFile(name, out.Bytes(), 0o644))
}

func answer(request Case) Answer {
	tree, err := tree(request)
	if err != nil {
		return Answer{Error: err.Error()}
	}
	text, err := json.Marshal(exact(tree))
	must(err)
	return Answer{Tree: text}
}

func tree(request Case) (map[string]any, error) {
	if request.Do == "coalesce" {
		chart := &chart.Chart{Metadata: &chart.Metadata{Name: "chart"}, Values: request.Defaults}
		return util.CoalesceValues(chart, request.User)
	}
	options := values.Options{}
	for number, text := range request.Files {
		name := fmt.Sprintf("values-%d.yaml", number)
		must(os.WriteFile(name, []byte(text), 0o600))
		options.ValueFiles = append(options.ValueFiles, name)
	}
	for _, set := range request.Sets {
		switch set.Kind {
		case "set":
			options.Values = append(options.Values, set.Text)
		case "string":
			options.StringValues = append(options.StringValues, set.Text)
		case "json":
			options.JSONValues = append(options.JSONValues, set.Text)
		case "file":
			for name, text := range set.Files {
				must(os.WriteFile(name, []byte(text), 0o600))
				defer os.Remove(name)
			}
			options.FileValues = append(options.FileValues, set.Text)
		default:
			must(fmt.Errorf("no such kind: %q", set.Kind))
		}
	}
	return options.MergeValues(getter.Providers{})
}

// exact writes every float with an exponent, so that it is read as a float.
func exact(tree any) any {
	switch tree := tree.(type) {
	case map[string]any:
		copied := map[string]any{}
		for key, value := range tree {
			copied[key] = exact(value)
		}
		return copied
	case []any:
		copied := []any{}
		for _, value := range tree {
			copied = append(copied, exact(value))
		}
		return copied
	case float64:
		return json.RawMessage(strconv.FormatFloat(tree, 'e', -1, 64))
	default:
		return tree
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}
