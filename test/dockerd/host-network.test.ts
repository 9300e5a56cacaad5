import assert from 'node:assert/strict';
import { test } from 'node:test';
import { undo } from '../../scripts/dockerd/host-network.ts';

test("Docker's rules, chains and policy are taken away, and nothing else", () => {
  const before = ['filter :INPUT DROP', 'filter :FORWARD ACCEPT', 'filter -A INPUT -i lo -j ACCEPT'];
  const after = [
    'filter :INPUT DROP',
    'filter :FORWARD DROP',
    'filter :DOCKER -',
    'filter :MINE -',
    'filter -A INPUT -i lo -j ACCEPT',
    'filter -A FORWARD -o docker0 -j DOCKER',
    'filter -A FORWARD -i eth1 -m comment --comment "not docker\'s own" -j ACCEPT',
    'nat :POSTROUTING ACCEPT',
    'nat -A POSTROUTING -s 172.18.0.0/16 ! -o br-0123456789ab -j MASQUERADE',
  ];
  assert.deepEqual(undo(before, after), [
    ['-t', 'filter', '-P', 'FORWARD', 'ACCEPT'],
    ['-t', 'filter', '-D', 'FORWARD', '-o', 'docker0', '-j', 'DOCKER'],
    ['-t', 'nat', '-P', 'POSTROUTING', 'ACCEPT'],
    [
      '-t',
      'nat',
      '-D',
      'POSTROUTING',
      '-s',
      '172.18.0.0/16',
      '!',
      '-o',
      'br-0123456789ab',
      '-j',
      'MASQUERADE',
    ],
    ['-t', 'filter', '-X', 'DOCKER'],
  ]);
});
