using Crisp.Cri.V1;
using Crisp.CriServer.Stats.Metrics;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    public override Task<ListMetricDescriptorsResponse> ListMetricDescriptors(ListMetricDescriptorsRequest request, ServerCallContext context)
    {
        var response = new ListMetricDescriptorsResponse();
        response.Descriptors.AddRange(MetricCatalog.All.Select(f => f.ToCri()));
        return Task.FromResult(response);
    }
}
