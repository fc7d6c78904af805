import { build } from './build/package.mjs';

build();
