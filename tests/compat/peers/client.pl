# SPDX-License-Identifier: BSD-3-Clause
# perl client.pl HOST:PORT[,HOST:PORT] ACTION FUNCTION|HANDLE [WORKLOAD [UNIQUE]]: asks, and prints
# what it is told, one event a line.
use strict;
use warnings;
use Gearman::Client;

binmode STDOUT;
$| = 1;
my ($servers, $action, $name, $workload, $unique) = @ARGV;
$workload //= '';
if ($workload eq '-') {
    binmode STDIN;
    local $/;
    $workload = <STDIN>;
}
my $client = Gearman::Client->new(
    job_servers => [split /,/, $servers],
    exceptions  => $action eq 'events' ? 1 : 0,
);
my %options = (timeout => 20);
$options{uniq} = $unique if defined $unique;
if ($action =~ /^(do|high|low)$/) {
    $options{priority} = $action unless $action eq 'do';
    my $result = $client->do_task($name, $workload, \%options);
    defined $result or die "no result\n";
    print $$result;
}
elsif ($action =~ /^(?:(high|low)_)?bg$/) {
    $options{priority} = $1 if defined $1;
    my $handle = $client->dispatch_background($name, $workload, \%options);
    $handle or die "not accepted\n";
    print "$handle\n";
}
elsif ($action eq 'status') {
    my $status = $client->get_status($name) or die "no status\n";
    printf "known %d running %d\n", $status->known ? 1 : 0, $status->running ? 1 : 0;
}
elsif ($action eq 'events') {
    my $tasks = $client->new_task_set;
    $tasks->add_task(
        $name => $workload,
        {   %options,
            on_status    => sub { print "status $_[0]/$_[1]\n" },
            on_data      => sub { print "data ${$_[0]}\n" },
            on_warning   => sub { print "warning ${$_[0]}\n" },
            on_exception => sub { print 'exception ', ref $_[0] ? ${ $_[0] } : $_[0], "\n" },
            on_fail      => sub { print "fail\n" },
            on_complete  => sub { print "complete ${$_[0]}\n" },
        });
    $tasks->wait(timeout => 20);
}
