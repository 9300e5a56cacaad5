import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { findGroup, GroupUnknown, groupId } from './group.ts';
import { whoHolds } from './listening.ts';

it('names the process that listens on a socket or a port', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gantry-listening-'));
  const unix = createServer().listen(join(folder, 'a.sock'));
  const tcp = createServer().listen(0, '127.0.0.1');
  await Promise.all([once(unix, 'listening'), once(tcp, 'listening')]);
  try {
    const us = new RegExp(`process ${process.pid}\\)$`);
    assert.match((await whoHolds({ path: join(folder, 'a.sock') }))!, us);
    assert.match((await whoHolds({ port: (tcp.address() as AddressInfo).port }))!, us);
    assert.equal(await whoHolds({ path: join(folder, 'b.sock') }), undefined);
  } finally {
    unix.close();
    tcp.close();
    await rm(folder, { recursive: true });
  }
});

it('finds groups by name and by number', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gantry-group-'));
  const file = join(folder, 'group');
  await writeFile(file, 'root:x:0:\ndocker:x:998:me,you\nbroken\n');
  try {
    assert.equal(await groupId('docker', file), 998);
    assert.equal(await groupId('1234', file), 1234);
    assert.equal(await groupId(7, file), 7);
    assert.equal(await findGroup('broken', file), undefined);
    await assert.rejects(groupId('nobody-here', file), GroupUnknown);
  } finally {
    await rm(folder, { recursive: true });
  }
});
