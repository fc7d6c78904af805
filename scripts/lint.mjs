import { run } from './setup/install.mjs';
import { root } from './setup/paths.mjs';

const tool = (name, ...args) => run('npx', ['--no-install', name, ...args], { cwd: root });

tool('prettier', '--check', '--log-level=warn', '.');
tool('eslint', '--max-warnings=0', '.', 'package.json');
tool('tsc', '-p', 'tsconfig.test.json');
