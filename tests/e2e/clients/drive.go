// Creates, lists, reads and is refused, by the Go clients that oapi-codegen makes.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"groundtruth.test/clients/groundtruth"
	"groundtruth.test/clients/worker"
)

func must(isTrue bool, what string, got ...any) {
	if !isTrue {
		fmt.Fprintln(os.Stderr, append([]any{what}, got...)...)
		os.Exit(1)
	}
}

func bearer(token string) func(context.Context, *http.Request) error {
	return func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
}

func asCustomer(ctx context.Context, base string) {
	client, err := groundtruth.NewClientWithResponses(base, groundtruth.WithRequestEditorFn(bearer(os.Getenv("API_KEY"))))
	must(err == nil, "a client", err)
	key := "oapi-codegen"
	wanted := groundtruth.TaskCreate{
		Title: "Say it", Instructions: "One take.", Modalities: []groundtruth.Modality{groundtruth.Audio},
		RewardCents: 250, TargetSubmissions: 10,
	}
	made, err := client.CreateTaskWithResponse(ctx, &groundtruth.CreateTaskParams{IdempotencyKey: &key}, wanted)
	must(err == nil && made.JSON201 != nil, "a new task", err)
	must(made.JSON201.Deadline == nil && !made.JSON201.CreatedAt.IsZero(), "times", *made.JSON201)
	limit := 10
	page, err := client.ListTasksWithResponse(ctx, &groundtruth.ListTasksParams{Limit: &limit})
	must(err == nil && page.JSON200 != nil, "a page", err)
	found := false
	for _, task := range page.JSON200.Data {
		found = found || task.Id == made.JSON201.Id
	}
	must(found && page.JSON200.Pagination.NextCursor == nil, "the task in the page", *page.JSON200)
	task, err := client.GetTaskWithResponse(ctx, made.JSON201.Id, nil)
	must(err == nil && task.JSON200 != nil && task.JSON200.Status == made.JSON201.Status, "the task", err)

	wanted.RewardCents = 1
	refused, err := client.CreateTaskWithResponse(ctx, nil, wanted)
	must(err == nil && refused.JSON400 != nil, "a refusal", err)
	missing, err := client.GetTaskWithResponse(ctx, "tsk_00000000000000000000000000", nil)
	must(err == nil && missing.JSON404 != nil && string(missing.JSON404.Error.Code) == "not_found", "a 404", err)
}

func asWorker(ctx context.Context, base string) {
	client, err := worker.NewClientWithResponses(base, worker.WithRequestEditorFn(bearer(os.Getenv("WORKER_TOKEN"))))
	must(err == nil, "a client", err)
	name := "Ada"
	place := worker.LocationInput{Lat: 45.5, Lng: -73.5}
	changed, err := client.ChangeProfileWithResponse(ctx, nil, worker.ProfileChange{Name: &name, Location: &place})
	must(err == nil && changed.JSON200 != nil && changed.JSON200.Location != nil, "a changed profile", err)
	profile, err := client.GetProfileWithResponse(ctx, nil)
	must(err == nil && profile.JSON200 != nil && profile.JSON200.Rank == nil, "the profile", err)
	feed, err := client.GetFeedWithResponse(ctx, nil)
	must(err == nil && feed.JSON200 != nil && feed.JSON200.NextCursor == nil, "a feed", err)
	missing, err := client.GetPublicProfileWithResponse(ctx, "wrk_00000000000000000000000000", nil)
	must(err == nil && missing.JSON404 != nil && missing.JSON404.Code == worker.ErrorBodyCodeNotFound, "a 404", err)
}

func main() {
	ctx := context.Background()
	base := os.Getenv("BASE_URL")
	asCustomer(ctx, base)
	asWorker(ctx, base)
}
