import { describeRoundTrips } from '../../integration/minio/round-trip-contract';
import { startMinio } from '../../services/s3/minio';
import { startSwift } from '../../services/s3/swift';

describeRoundTrips('MinIO', startMinio, { tags: true, oddKeys: false });
describeRoundTrips('Swift', startSwift, { tags: false, oddKeys: true });
