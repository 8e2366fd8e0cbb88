<?php // SPDX-License-Identifier: BSD-3-Clause
// php worker.php HOST:PORT[,HOST:PORT] PREFIX: the classic worker and its awkward cousins.
[, $servers, $prefix] = $argv;
$worker = new GearmanWorker();
try {
    $worker->addServers($servers);
} catch (GearmanException) {
    // php-gearman says so when one server of several is down. The list is taken all the same.
}
// libgearman looks for a lost server only when it is called again.
$worker->setTimeout(500);
$worker->setId("php-worker");
$worker->addFunction($prefix . "reverse", fn($job) => strrev($job->workload()));
$worker->addFunction($prefix . "slow", function ($job) {
    for ($i = 1; $i <= 3; $i++) {
        $job->sendStatus($i, 3);
    }
    return "done";
});
$worker->addFunction($prefix . "talk", function ($job) {
    $job->sendData("piece of data");
    $job->sendWarning("a warning");
    return "said";
});
$worker->addFunction($prefix . "fail", function ($job) {
    $job->setReturn(GEARMAN_WORK_FAIL);
    return null;
});
$worker->addFunction($prefix . "raise", function ($job) {
    $job->sendException("it broke");
    $job->setReturn(GEARMAN_WORK_EXCEPTION);
    return null;
});
while (true) {
    @$worker->work();  // false when a job failed, or a server went away, or time passed
}
