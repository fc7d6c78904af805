import { startS3rver } from '../../services/s3/s3rver';
import { describeClient } from './client-contract';

describeClient('s3rver', startS3rver, { tags: true, isExact: false, oddKeys: false, refusesRedirects: true });
