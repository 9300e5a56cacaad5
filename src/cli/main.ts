#!/usr/bin/env node
/** The entry: `node src/cli/main.ts ARGUMENTS`, which is what ./gantry runs. */
import module from 'node:module';
import { fileURLToPath } from 'node:url';

// Compiled code is kept beside the program and not in /tmp, where anybody could put some for us to run.
module.enableCompileCache?.(fileURLToPath(new URL('../../.cache/compiled', import.meta.url)));

// Imported only now, so that what follows is found in that cache.
const { runCommand } = await import('./program.ts');
process.exitCode = await runCommand(process.argv.slice(2));
