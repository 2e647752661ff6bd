#pragma once
#include <tuple>

#include "kagari/tensor/tensor.h"

// The operators that torchvision's Python part calls, torch.ops.torchvision.*: regions of interest, non-maximum suppression, deformable
// convolution. A region is a row (image of the batch, x1, y1, x2, y2).

namespace kagari {

KAGARI_API Tensor vision_nms(const Tensor& dets, const Tensor& scores, double iou_threshold);
KAGARI_API Tensor vision_roi_align(const Tensor& input, const Tensor& rois, double spatial_scale, int64_t pooled_height, int64_t pooled_width, int64_t sampling_ratio,
                                   bool aligned);
KAGARI_API std::tuple<Tensor, Tensor> vision_roi_pool(const Tensor& input, const Tensor& rois, double spatial_scale, int64_t pooled_height, int64_t pooled_width);
KAGARI_API std::tuple<Tensor, Tensor> vision_ps_roi_align(const Tensor& input, const Tensor& rois, double spatial_scale, int64_t pooled_height,
                                                          int64_t pooled_width, int64_t sampling_ratio);
KAGARI_API std::tuple<Tensor, Tensor> vision_ps_roi_pool(const Tensor& input, const Tensor& rois, double spatial_scale, int64_t pooled_height,
                                                         int64_t pooled_width);
KAGARI_API Tensor vision_deform_conv2d(const Tensor& input, const Tensor& weight, const Tensor& offset, const Tensor& mask, const Tensor& bias, int64_t stride_h,
                                       int64_t stride_w, int64_t pad_h, int64_t pad_w, int64_t dilation_h, int64_t dilation_w, int64_t groups,
                                       int64_t offset_groups, bool use_mask);

}  // namespace kagari
