# SPDX-License-Identifier: BSD-3-Clause
# perl worker.pl HOST:PORT[,HOST:PORT] PREFIX: the classic worker and its awkward cousins.
use strict;
use warnings;
use Gearman::Worker;

my ($servers, $prefix) = @ARGV;
my $worker = Gearman::Worker->new(job_servers => [split /,/, $servers]);
$worker->register_function($prefix . 'reverse' => sub { scalar reverse $_[0]->arg });
$worker->register_function(
    $prefix . 'slow' => sub {
        $_[0]->set_status($_, 3) for 1 .. 3;
        return 'done';
    });
$worker->register_function(
    $prefix . 'talk' => sub {
        $worker->send_work_data($_[0], 'piece of data');
        $worker->send_work_warning($_[0], 'a warning');
        return 'said';
    });
$worker->register_function($prefix . 'fail' => sub { return undef });
$worker->register_function($prefix . 'raise' => sub { die "it broke\n" });
$worker->work;
