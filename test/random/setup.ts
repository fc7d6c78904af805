import fc from 'fast-check';
import { seed } from './seed';

// Before every test file, in its process. A failure of fast-check tells its seed and path by itself.
fc.configureGlobal({ seed });
