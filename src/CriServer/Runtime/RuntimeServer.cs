using Crisp.Cri.V1;
using Crisp.CriServer.Configuration;

namespace Crisp.CriServer.Runtime;

/// <summary>
/// CRI's RuntimeService, one file for each RPC. A call that has no file here answers UNIMPLEMENTED, with the interceptor's
/// sentence.
/// </summary>
public sealed partial class RuntimeServer(CrispConfig config) : RuntimeService.RuntimeServiceBase;
