import { startS3rver } from '../../services/s3/s3rver';
import { describeRoundTrips } from './round-trip-contract';

describeRoundTrips('s3rver', startS3rver, { tags: true, oddKeys: false });
