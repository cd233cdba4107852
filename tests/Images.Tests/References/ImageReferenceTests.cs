using Xunit;

namespace Crisp.Images.Tests.References;

public sealed class ImageReferenceTests
{
    private const string Hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Theory]
    [InlineData("busybox", "docker.io", "library/busybox", "latest", null)]
    [InlineData("busybox:1.36", "docker.io", "library/busybox", "1.36", null)]
    [InlineData("user/app", "docker.io", "user/app", "latest", null)]
    [InlineData("docker.io/busybox", "docker.io", "library/busybox", "latest", null)]
    [InlineData("index.docker.io/busybox", "docker.io", "library/busybox", "latest", null)]
    [InlineData("registry.k8s.io/pause:3.9", "registry.k8s.io", "pause", "3.9", null)]
    [InlineData("localhost/app", "localhost", "app", "latest", null)]
    [InlineData("localhost:5000/app", "localhost:5000", "app", "latest", null)]
    [InlineData("node:5000/a/b/c:v_1.2-3", "node:5000", "a/b/c", "v_1.2-3", null)]
    [InlineData("[::1]:5000/app", "[::1]:5000", "app", "latest", null)]
    [InlineData("Host/app", "Host", "app", "latest", null)]
    [InlineData("a__b/c--d.e_f", "docker.io", "a__b/c--d.e_f", "latest", null)]
    [InlineData("busybox@sha256:" + Hex, "docker.io", "library/busybox", null, Hex)]
    [InlineData("quay.io/a/b:1@sha256:" + Hex, "quay.io", "a/b", "1", Hex)]
    public void Reference_IsCompletedAsDockerDoes(string text, string registry, string repository, string? tag, string? hex)
    {
        var reference = ImageReference.Parse(text);
        Assert.Equal((registry, repository, tag, hex), (reference.Registry, reference.Repository, reference.Tag, reference.Digest?.Hex));
        Assert.Equal(tag is null ? null : $"{registry}/{repository}:{tag}", reference.RepoTag);
        Assert.Equal(hex is null ? null : $"{registry}/{repository}@sha256:{hex}", reference.RepoDigest);
        Assert.Equal(reference, ImageReference.Parse(reference.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" busybox")]
    [InlineData("busybox ")]
    [InlineData("Busybox")]
    [InlineData("busy box")]
    [InlineData("busybox:")]
    [InlineData("busybox:-tag")]
    [InlineData("busybox:ta/g")]
    [InlineData("a//b")]
    [InlineData("/a")]
    [InlineData("a/")]
    [InlineData("a/../b")]
    [InlineData("a/.b")]
    [InlineData("a-/b")]
    [InlineData("busybox@sha256:abc")]
    [InlineData("busybox@sha512:" + Hex)]
    [InlineData("busybox@sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855")]
    [InlineData(Hex)]
    [InlineData("http://registry/app")]
    [InlineData("registry.example:port/app")]
    [InlineData("-registry.example/app")]
    [InlineData("app\n")]
    public void WhatIsNoReference_IsRefused(string text)
    {
        Assert.False(ImageReference.TryParse(text, out _));
        Assert.Equal(ImageError.Invalid, Assert.Throws<ImageException>(() => ImageReference.Parse(text)).Kind);
    }

    [Theory]
    [InlineData(128, true)]
    [InlineData(129, false)]
    public void Tag_HasAtMost128Characters(int length, bool good)
        => Assert.Equal(good, ImageReference.TryParse($"busybox:{new string('t', length)}", out _));

    [Theory]
    [InlineData(255, true)]
    [InlineData(256, false)]
    public void Name_HasAtMost255Characters(int length, bool good)
        => Assert.Equal(good, ImageReference.TryParse($"localhost/{new string('n', length - "localhost/".Length)}", out _));
}
