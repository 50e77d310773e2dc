// Creates, lists, reads and is refused, by the Java clients that openapi-generator makes. Compiled by javac -Xlint:all -Werror.

import groundtruth.api.TasksApi;
import groundtruth.model.ErrorBody;
import groundtruth.model.InsufficientBudget;
import groundtruth.model.Modality;
import groundtruth.model.TaskCreate;
import groundtruth.model.TaskStatus;
import java.math.BigDecimal;
import java.util.Map;
import java.util.Objects;
import worker.api.StandingApi;
import worker.api.WorkApi;
import worker.model.LocationInput;
import worker.model.ProfileChange;

final class Drive {
  private interface Call {
    void run() throws Exception;
  }

  private static void check(boolean right, Object told) {
    if (!right) throw new AssertionError(told);
  }

  private static String setting(String name) {
    return Objects.requireNonNull(System.getenv(name), name);
  }

  private static String refusal(Call call, int status) throws Exception {
    try {
      call.run();
    } catch (groundtruth.client.ApiException error) {
      check(error.getCode() == status, error);
      return error.getResponseBody();
    } catch (worker.client.ApiException error) {
      check(error.getCode() == status, error);
      return error.getResponseBody();
    }
    throw new AssertionError("no " + status);
  }

  private static TaskCreate audioTask(int reward) {
    return new TaskCreate().title("Say it").instructions("One take.").addModalitiesItem(Modality.AUDIO)
        .rewardCents(reward).targetSubmissions(10);
  }

  private static void asCustomer() throws Exception {
    var client = new groundtruth.client.ApiClient();
    client.updateBaseUri(setting("BASE_URL"));
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + setting("API_KEY")));
    var tasks = new TasksApi(client);

    var made = tasks.createTask(audioTask(250), "java", null);
    check(made.getStatus() == TaskStatus.FUNDING, made);
    check(made.getDeadline() == null && made.getCreatedAt() != null, made);
    var page = tasks.listTasks(null, null, null, 10, null, null, null, null, null);
    check(page.getData().stream().anyMatch(task -> task.getId().equals(made.getId())), page);
    check(page.getPagination().getNextCursor() == null, page);
    check(tasks.getTask(made.getId(), null, null, null).equals(made), made);
    check(tasks.cancelTask(made.getId(), null, null, null, Map.of()).getRefundedCents() == 0, made);

    var mapper = groundtruth.client.ApiClient.createDefaultObjectMapper();
    var poor = mapper.readValue(refusal(() -> tasks.createTask(audioTask(1), null, null), 400), InsufficientBudget.class);
    check(poor.getError().getDetails().getBudgetCents() == 10, poor);
    var missing = mapper.readValue(
        refusal(() -> tasks.getTask("tsk_00000000000000000000000000", null, null, null), 404), ErrorBody.class);
    check(missing.getError().getCode().toString().equals("not_found"), missing);
  }

  private static void asWorker() throws Exception {
    var client = new worker.client.ApiClient();
    client.updateBaseUri(setting("BASE_URL"));
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + setting("WORKER_TOKEN")));
    var standing = new StandingApi(client);

    var montreal = new LocationInput().lat(new BigDecimal("45.5")).lng(new BigDecimal("-73.5"));
    var changed = standing.changeProfile(new ProfileChange().name("Ada").location(montreal), null, null);
    check(changed.getLocation().getRadiusKm() == 25, changed);
    var profile = standing.getProfile(null, null, null);
    check(profile.getRank() == null, profile);
    check(new WorkApi(client).getFeed(null, null, null, null, null).getNextCursor() == null, "the feed");
    var mapper = worker.client.ApiClient.createDefaultObjectMapper();
    var missing = mapper.readValue(
        refusal(() -> standing.getPublicProfile("wrk_00000000000000000000000000", null, null, null), 404),
        worker.model.ErrorBody.class);
    check(missing.getCode().toString().equals("not_found"), missing);
  }

  public static void main(String[] arguments) throws Exception {
    asCustomer();
    asWorker();
  }
}
