<?php // SPDX-License-Identifier: BSD-3-Clause
// php client.php HOST:PORT[,HOST:PORT] ACTION FUNCTION|HANDLE [WORKLOAD [UNIQUE]]: asks, and prints
// what it is told, one event a line.
[, $servers, $action, $name] = $argv;
$workload = $argv[4] ?? "";
$unique = $argv[5] ?? null;
if ($workload === "-") {
    $workload = stream_get_contents(STDIN);
}
$client = new GearmanClient();
try {
    $client->addServers($servers);
} catch (GearmanException) {
    // php-gearman says so when one server of several is down. The list is taken all the same.
}
$client->setTimeout(20000);

$foreground = ["do" => "doNormal", "high" => "doHigh", "low" => "doLow"];
$background = ["bg" => "doBackground", "high_bg" => "doHighBackground",
               "low_bg" => "doLowBackground"];

if (isset($foreground[$action])) {
    $result = @$client->{$foreground[$action]}($name, $workload, $unique);
    if ($client->returnCode() !== GEARMAN_SUCCESS) {
        fwrite(STDERR, "code " . $client->returnCode() . " " . $client->error() . "\n");
        exit(1);
    }
    echo $result;
} elseif (isset($background[$action])) {
    echo $client->{$background[$action]}($name, $workload, $unique), "\n";
    exit($client->returnCode() === GEARMAN_SUCCESS ? 0 : 1);
} elseif ($action === "status") {
    [$known, $running, $numerator, $denominator] = $client->jobStatus($name);
    printf("known %d running %d %d/%d\n", $known, $running, $numerator, $denominator);
} elseif ($action === "ping") {
    exit($client->ping($name) ? 0 : 1);
} elseif ($action === "events") {
    @$client->enableExceptionHandler();
    // What a callback returns is a code that ends runTasks(), unless it is nothing.
    $client->setStatusCallback(function ($task) {
        printf("status %d/%d\n", $task->taskNumerator(), $task->taskDenominator());
    });
    $tell = fn($event) => function ($task) use ($event) {
        echo $event, $task->data(), "\n";
    };
    $client->setDataCallback($tell("data "));
    $client->setWarningCallback($tell("warning "));
    $client->setExceptionCallback($tell("exception "));
    $client->setCompleteCallback($tell("complete "));
    $client->setFailCallback(function () {
        echo "fail\n";
    });
    $client->addTask($name, $workload, null, $unique);
    @$client->runTasks();
}
